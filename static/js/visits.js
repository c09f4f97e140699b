// For a shop's own pages: tells Guanxi what is looked at, once the shop says that its visitor allows it.
//   <script async src="https://…/t/visits.js" data-door="https://…/t/v/<shop>/"></script>
//   guanxi.allow()             the visitor said yes to your cookie banner (kept; once is enough)
//   guanxi.saw("product", {title: "Tie Guan Yin", sku: "TGY-50"})     also "cart", "search", "page"
//   guanxi.visitor()           the browser's id for your server, "" before a yes
//   guanxi.forget()            the visitor takes the yes back
// data-domain=".example.com" shares the id with the portal on a host beside the shop's.
(() => {
  const script = document.currentScript, NAME = "gx_visitor", DAYS = 180;
  const domain = script.dataset.domain ? `; Domain=${script.dataset.domain}` : "";
  const secure = location.protocol === "https:" ? "; Secure" : "";
  const write = (value, seconds) => {
    document.cookie = `${NAME}=${value}; Path=/; Max-Age=${seconds}; SameSite=Lax${secure}${domain}`;
  };
  const refused = () => navigator.globalPrivacyControl === true || navigator.doNotTrack === "1";
  const visitor = () => (document.cookie.match(/(?:^|; )gx_visitor=([A-Za-z0-9_-]{16,64})/) || ["", ""])[1];
  const fresh = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  let waiting = [];

  function flush() {
    const id = visitor();
    if (!id || refused()) return;
    while (waiting.length) {
      const visits = waiting.splice(0, 20);
      navigator.sendBeacon(script.dataset.door, JSON.stringify({ visitor: id, visits }));
    }
  }

  function saw(kind, facts = {}) {
    const cut = (text, most) => String(text || "").slice(0, most);
    const path = cut(facts.path || location.pathname, 500);
    waiting = [...waiting, { kind, title: cut(facts.title || document.title, 200), path, sku: cut(facts.sku, 100) }].slice(-50);
    flush();
  }

  window.guanxi = {
    allow() { if (!refused()) write(visitor() || fresh(), DAYS * 86400); flush(); },
    forget() { waiting = []; write("", 0); },
    saw,
    visitor,
  };
  saw("page");
})();
