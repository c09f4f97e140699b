// Rows: ticking with a selection bar, opening by click on the row, moving with j and k.
(() => {
  const boxes = (scope) => [...scope.querySelectorAll("input[data-select]")];
  const scopeOf = (element) => element.closest("[data-list]") || document;
  let last = null;

  function show(scope) {
    const all = boxes(scope);
    const ticked = all.filter((box) => box.checked).length;
    const bar = scope.querySelector("[data-selection]");
    if (bar) {
      bar.hidden = ticked === 0;
      bar.querySelector("[data-selection-count]").textContent = ticked.toLocaleString(document.documentElement.lang);
    }
    const head = scope.querySelector("input[data-select-all]");
    if (head) {
      head.checked = ticked > 0 && ticked === all.length;
      head.indeterminate = ticked > 0 && ticked < all.length;
    }
  }

  document.addEventListener("change", (event) => {
    const scope = scopeOf(event.target);
    if (event.target.matches("input[data-select-all]")) boxes(scope).forEach((box) => (box.checked = event.target.checked));
    else if (!event.target.matches("input[data-select]")) return;
    show(scope);
  });

  document.addEventListener("click", (event) => {
    const box = event.target.closest?.("input[data-select]");
    if (box) {
      const all = boxes(scopeOf(box));
      if (event.shiftKey && last && all.includes(last)) {
        const [from, to] = [all.indexOf(last), all.indexOf(box)].sort((a, b) => a - b);
        all.slice(from, to + 1).forEach((one) => (one.checked = box.checked));
        show(scopeOf(box));
      }
      last = box;
      return;
    }
    if (event.target.closest?.("[data-selection-clear]")) {
      const scope = scopeOf(event.target);
      boxes(scope).forEach((one) => (one.checked = false));
      show(scope);
      return;
    }
    const row = event.target.closest?.("tr[data-href]");
    if (!row || event.target.closest("a, button, input, label, select, textarea") || String(getSelection())) return;
    if (event.metaKey || event.ctrlKey) window.open(row.dataset.href, "_blank", "noopener");
    else location.assign(row.dataset.href);
  });

  document.addEventListener("keydown", (event) => {
    if (event.metaKey || event.ctrlKey || event.altKey || event.target.closest("input, textarea, select, dialog, [contenteditable]")) return;
    if (!["j", "k", "x"].includes(event.key) || window.gxGoing) return;
    const rows = [...document.querySelectorAll("main tr[data-href]")];
    if (!rows.length) return;
    const at = rows.findIndex((row) => row.contains(document.activeElement));
    if (event.key === "x") {
      rows[at]?.querySelector("input[data-select]")?.click();
      return;
    }
    const next = rows[event.key === "j" ? Math.min(at + 1, rows.length - 1) : Math.max(at - 1, 0)];
    next.querySelector("a")?.focus();
    next.scrollIntoView({ block: "nearest" });
  });

  document.addEventListener("htmx:afterSettle", (event) => show(scopeOf(event.target)));
})();
