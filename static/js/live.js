// Fresh without a reload: on {"topic": "orders"} every element with hx-trigger="live:orders from:body" refetches.
// The stream carries no content; losing it costs freshness only, and the top bar says so.
(() => {
  const url = document.querySelector("meta[name=live-url]")?.content;
  const token = document.querySelector("meta[name=live-token]")?.content;
  if (!url || !token || !window.EventSource) return;
  const FIRST_WAIT_MS = 1000;
  const LONGEST_WAIT_MS = 30000;
  const LOST_AFTER = 3; // tries, before the page admits it
  let failures = 0;
  let stream = null;

  function topicsOf(data) {
    const notice = JSON.parse(data);
    if (Array.isArray(notice)) return notice;
    return notice.topics || [notice.topic];
  }

  function connect() {
    stream = new EventSource(`${url}?token=${encodeURIComponent(token)}`);
    stream.addEventListener("open", () => {
      if (failures) window.htmx.trigger(document.body, "live:again");
      failures = 0;
      document.body.classList.remove("is-live-lost");
    });
    stream.addEventListener("changed", (event) => {
      for (const topic of topicsOf(event.data)) window.htmx.trigger(document.body, `live:${topic}`);
    });
    stream.addEventListener("error", () => {
      stream.close();
      failures += 1;
      if (failures >= LOST_AFTER) document.body.classList.add("is-live-lost");
      const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (failures - 1));
      setTimeout(connect, wait * (0.75 + Math.random() / 2)); // spread, so that a restart isn't a stampede
    });
  }
  window.addEventListener("pagehide", () => stream?.close());
  connect();
})();
