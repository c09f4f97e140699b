// The campaign maker saves by itself. An answer changes words and states, never the buttons: whoever is about to
// press "Send" keeps the button and the open question, and what is pressed acts on what was typed last.
(() => {
  const form = document.getElementById("campaign-form");
  const side = document.getElementById("campaign-side");
  if (!form || !side) return;
  const frame = document.querySelector("iframe[name=mail-preview]");
  const asked = document.getElementById("campaign-preview").elements.customer;
  let typed = 0; // changes made, those that the running request carries, and those the server has kept
  let carried = 0;
  let kept = 0;
  let waiting = []; // to be told whether everything is kept: resolve functions

  const settle = (good) => {
    const told = waiting;
    waiting = [];
    told.forEach((resolve) => resolve(good));
  };
  const save = () =>
    new Promise((resolve) => {
      waiting.push(resolve);
      htmx.trigger(form, "campaign:save");
    });

  for (const type of ["input", "change"]) form.addEventListener(type, () => (typed += 1), true);
  form.addEventListener("htmx:beforeSend", () => (carried = typed));
  form.addEventListener("htmx:afterRequest", (event) => {
    if (!event.detail.successful || event.detail.xhr.status === 422) return settle(false);
    kept = carried;
    if (kept === typed) settle(true); // otherwise the queued request brings the rest
  });

  // --- what an answer changes ---------------------------------------------------------------------------
  function show() {
    const state = side.querySelector("[data-campaign-state]");
    const send = document.querySelector("[data-campaign-send]");
    if (!state || !send) return;
    send.disabled = "blocked" in state.dataset;
    send.dataset.confirmGo = state.dataset.words;
    send.lastChild.textContent = state.dataset.words;
    document.querySelector("[data-campaign-later]").disabled = send.disabled;
  }
  // The test goes out as the person looked at.
  const seenAs = document.querySelector("[data-seen-as]");
  seenAs?.form.addEventListener("submit", () => (seenAs.value = asked.value));
  function preview() {
    const url = new URL(frame.src);
    url.searchParams.set("customer", asked.value);
    url.searchParams.set("v", Date.now());
    frame.src = url.href;
  }
  side.addEventListener("htmx:afterSwap", () => {
    show();
    preview();
  });

  // --- what is pressed acts on what was typed last ------------------------------------------------------
  window.addEventListener(
    "click",
    async (event) => {
      const button = event.target.closest?.("[data-when-saved]");
      if (!button || button.disabled || kept === typed) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      if ((await save()) && !button.disabled) button.click();
    },
    true, // on the window, before the document's own confirmation sees the press
  );
  window.addEventListener("beforeunload", (event) => {
    if (kept !== typed) event.preventDefault();
  });
})();
