// The inbox: keys, macros, the composer, who else is here, and going on to the next conversation.
(() => {
  const byId = (id) => document.getElementById(id);
  const inbox = byId("inbox");
  const headers = JSON.parse(document.body.getAttribute("hx-headers"));
  const NEAR_BOTTOM_PX = 80; // whoever reads older words is not thrown to the newest
  const rows = () => [...document.querySelectorAll("[data-talk]")];
  const number = () => byId("inbox-pane")?.dataset.ticket || "";
  let here = number();
  let wasAtBottom = true;

  // --- the list --------------------------------------------------------------------------------------------
  function mark() {
    byId("inbox-current").value = number();
    rows().forEach((row) => {
      if (row.dataset.talk === number()) row.setAttribute("aria-current", "true");
      else row.removeAttribute("aria-current");
    });
  }

  function step(by) {
    const all = rows();
    if (!all.length) return;
    const at = all.findIndex((row) => row.dataset.talk === number());
    const next = all[Math.max(0, Math.min(all.length - 1, at === -1 ? 0 : at + by))];
    next.scrollIntoView({ block: "nearest" });
    next.focus();
    if (next.dataset.talk !== number()) next.click();
  }

  function goOn(finished) {
    const all = rows();
    const at = all.findIndex((row) => row.dataset.talk === String(finished));
    const next = all[at + 1] || all[at - 1];
    if (matchMedia("(max-width: 767.98px)").matches) document.querySelector(".gx-back")?.click();
    else if (next && next.dataset.talk !== String(finished)) next.click();
  }

  // --- the conversation --------------------------------------------------------------------------------------
  function toBottom() {
    const thread = byId("ticket-thread");
    if (thread) thread.scrollTop = thread.scrollHeight;
  }

  function leave(old) {
    if (!old) return;
    const body = new URLSearchParams({ gone: "yes" });
    fetch(`/inbox/${old}/here/`, { method: "POST", headers, body, keepalive: true }).catch(() => {}); // the row fades by itself
  }

  function opened() {
    if (here !== number()) leave(here);
    here = number();
    inbox.classList.toggle("is-reading", Boolean(here));
    mark();
    toBottom();
    grow();
    text()?.blur(); // htmx gives the focus back by id: the next key must not be typed into the next conversation
  }

  document.addEventListener("htmx:beforeSwap", (event) => {
    const thread = event.detail.target;
    if (thread.id === "ticket-thread") wasAtBottom = thread.scrollHeight - thread.scrollTop - thread.clientHeight < NEAR_BOTTOM_PX;
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target.id === "inbox-pane" || event.target.id === "inbox-pane") opened();
    else if (event.detail.target.id === "ticket-thread" && wasAtBottom) toBottom();
    else if (event.detail.target.id === "inbox-columns") mark();
  });
  document.addEventListener("inbox:finished", (event) => setTimeout(() => goOn(event.detail.number), 0));
  document.addEventListener("htmx:responseError", (event) => {
    if (event.detail.xhr.status === 409) window.htmx.trigger(document.body, "live:again");
  });
  window.addEventListener("pagehide", () => leave(number()));

  // --- the composer ------------------------------------------------------------------------------------------
  const text = () => byId("composer-text");

  function grow() {
    const field = text();
    if (!field) return;
    field.style.height = ""; // set through the object model, which the policy allows
    if (field.scrollHeight > field.clientHeight) field.style.height = `${Math.min(field.scrollHeight + 2, innerHeight * 0.4)}px`;
  }

  function kind(value) {
    const choice = document.querySelector(`[data-kind][value="${value}"]`);
    if (!choice) return;
    choice.checked = true;
    dress();
    text().focus();
  }

  function dress() {
    const note = document.querySelector("[data-kind]:checked")?.value === "note";
    const form = byId("composer");
    form.classList.toggle("is-note", note);
    form.querySelector("[data-word-note]").hidden = !note;
    form.querySelector("[data-word-answer]").hidden = note;
    form.querySelector("[data-solve]").hidden = note;
  }

  function send(solve) {
    if (!text() || !text().value.trim()) return;
    byId("composer-solve").value = solve ? "yes" : "";
    byId("composer").requestSubmit();
  }

  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-kind]")) dress();
  });
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-send], [data-macro], [data-beside]");
    if (!button) return;
    if ("beside" in button.dataset) return byId("inbox-pane").classList.toggle("is-beside");
    if ("send" in button.dataset) {
      byId("composer-solve").value = "solve" in button.dataset ? "yes" : "";
      return;
    }
    const response = await fetch(button.dataset.macro, { method: "POST", headers }).catch(() => null);
    if (!response || !response.ok) return window.gx.toast(window.gx.words.failed, "bad");
    const field = text();
    const words = await response.text();
    field.setRangeText(words, field.selectionStart, field.selectionEnd, "end");
    field.dispatchEvent(new Event("input", { bubbles: true }));
    field.focus();
  });
  document.addEventListener("input", (event) => {
    if (event.target.matches("[data-macro-find]")) {
      const wanted = event.target.value.trim().toLocaleLowerCase();
      event.target.closest(".dropdown-menu").querySelectorAll("[data-macro]").forEach((one) => {
        one.hidden = Boolean(wanted) && !one.textContent.toLocaleLowerCase().includes(wanted);
      });
    }
    if (event.target.id !== "composer-text") return;
    grow();
    byId("composer-kept").hidden = true;
    const writing = event.target.value.trim() ? "yes" : "";
    const flag = byId("composer-writing");
    if (flag.value === writing) return;
    flag.value = writing;
    window.htmx.trigger("#ticket-presence", "presence");
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.elt.id === "composer-text" && event.detail.successful) byId("composer-kept").hidden = false;
  });
  document.addEventListener("shown.bs.dropdown", (event) => {
    event.target.parentElement.querySelector("[data-macro-find]")?.focus();
  });
  document.addEventListener("keydown", (event) => {
    const found = event.target.closest?.(".gx-macros")?.querySelector("[data-macro]:not([hidden])");
    if (event.key === "Enter" && event.target.matches("[data-macro-find]")) {
      event.preventDefault();
      found?.click();
      document.activeElement.blur();
    }
  });

  // --- keys --------------------------------------------------------------------------------------------------
  // A key that comes while the conversation is being exchanged is meant for what stands there afterwards: htmx
  // drops what a button asked for that is gone by then.
  let exchanging = 0;
  const waiting = [];
  const isExchange = (event) => event.detail.target?.id === "inbox-pane";

  function press(key) {
    if (key === "j") step(1);
    else if (key === "k") step(-1);
    else if (key === "r") kind("outbound");
    else if (key === "n") kind("note");
    else {
      const button = byId("inbox-pane")?.querySelector(`[data-key="${CSS.escape(key)}"]`);
      if (!button) return false;
      button.click();
    }
    return true;
  }

  document.addEventListener("htmx:beforeSend", (event) => {
    if (isExchange(event)) exchanging += 1;
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    if (!isExchange(event)) return;
    exchanging -= 1;
    while (!exchanging && waiting.length) press(waiting.shift());
  });
  document.addEventListener("keydown", (event) => {
    if (document.querySelector("dialog[open]")) return;
    if (event.target.id === "composer-text") {
      if (event.key === "Escape") event.target.blur();
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        send(event.shiftKey);
      }
      return;
    }
    if (event.metaKey || event.ctrlKey || event.altKey || window.gxGoing) return;
    if (event.target.closest("input, textarea, select, [contenteditable], .dropdown-menu.show")) return;
    if (exchanging) waiting.push(event.key);
    else if (!press(event.key)) return;
    event.preventDefault();
  });

  if (byId("composer")) dress();
  document.addEventListener("htmx:load", () => byId("composer") && dress());
  opened();
})();
