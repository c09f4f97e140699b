// Search and commands (⌘K, Ctrl+K or /), "g then a letter" to go somewhere, ? for help.
(() => {
  const dialog = document.getElementById("palette");
  const input = document.getElementById("palette-input");
  const list = document.getElementById("palette-list");
  const hits = document.getElementById("palette-hits");
  const none = document.getElementById("palette-none");
  const commands = document.getElementById("palette-commands");
  const WAIT_MS = 150; // between the last key and the request
  const GO_MS = 1200; // how long "g" waits for its letter
  let timer = 0;
  let asked = 0;
  let goTimer = 0;

  const options = () => [...list.querySelectorAll("[role=option]")].filter((option) => !option.hidden && option.offsetParent);
  const current = () => list.querySelector("[aria-selected=true]");

  function choose(option) {
    current()?.setAttribute("aria-selected", "false");
    if (!option) return input.removeAttribute("aria-activedescendant");
    option.setAttribute("aria-selected", "true");
    input.setAttribute("aria-activedescendant", option.id);
    option.scrollIntoView({ block: "nearest" });
  }

  function filter() {
    const text = input.value.trim().toLocaleLowerCase();
    let shown = 0;
    commands.querySelectorAll("[role=option]").forEach((option) => {
      option.hidden = Boolean(text) && !option.querySelector(".gx-palette__main").textContent.toLocaleLowerCase().includes(text);
      shown += option.hidden ? 0 : 1;
    });
    commands.hidden = shown === 0;
    settle();
  }

  function settle() {
    const found = options();
    none.hidden = found.length > 0 || !input.value.trim();
    none.textContent = window.gx.words.nothing_found.replace("%s", input.value.trim());
    choose(found[0]);
  }

  async function search() {
    const text = input.value.trim();
    const mine = ++asked;
    // One letter says nothing, one Han character is a family name.
    if (!input.dataset.search || !text || (text.length < 2 && text < "\x80")) {
      hits.replaceChildren();
      return settle();
    }
    const response = await fetch(`${input.dataset.search}?q=${encodeURIComponent(text)}`, { headers: { "HX-Request": "true" } }).catch(() => null);
    if (mine !== asked) return;
    if (!response || !response.ok) {
      window.gx.toast(window.gx.words.not_sent, "bad");
      return;
    }
    hits.innerHTML = await response.text();
    settle();
  }

  function open() {
    if (dialog.open) return;
    input.value = "";
    hits.replaceChildren();
    dialog.showModal();
    filter();
    input.focus();
  }

  input.addEventListener("input", () => {
    filter();
    clearTimeout(timer);
    timer = setTimeout(search, WAIT_MS);
  });
  input.addEventListener("keydown", (event) => {
    const found = options();
    const at = found.indexOf(current());
    if (event.key === "ArrowDown") choose(found[(at + 1) % found.length]);
    else if (event.key === "ArrowUp") choose(found[(at - 1 + found.length) % found.length]);
    else if (event.key === "Enter") current()?.click();
    else return;
    event.preventDefault();
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest?.("[data-palette]")) open();
  });

  document.addEventListener("keydown", (event) => {
    if ((event.metaKey || event.ctrlKey) && event.key.toLowerCase() === "k") {
      event.preventDefault();
      return open();
    }
    if (event.metaKey || event.ctrlKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (event.target.closest("input, textarea, select, [contenteditable]")) return;
    if (window.gxGoing) {
      const link = document.querySelector(`[data-go="${CSS.escape(event.key)}"]`);
      stop();
      if (link) {
        event.preventDefault();
        event.stopImmediatePropagation();
        link.click();
      }
      return;
    }
    if (event.key === "/") {
      event.preventDefault();
      open();
    } else if (event.key === "?") {
      document.getElementById("keys-dialog").showModal();
    } else if (event.key === "g") {
      window.gxGoing = true;
      goTimer = setTimeout(stop, GO_MS);
    }
  }, true);

  function stop() {
    window.gxGoing = false;
    clearTimeout(goTimer);
  }
})();
