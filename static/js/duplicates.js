// One key decides about a pair. A key that comes while the next pair is on its way is dropped: it would decide about
// people whom nobody has seen yet.
(() => {
  const desk = () => document.getElementById("duplicate-desk");
  let exchanging = false;
  const isOurs = (event) => event.detail.target?.id === "duplicate-desk";

  document.addEventListener("htmx:beforeSend", (event) => {
    if (isOurs(event)) exchanging = true;
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    if (!isOurs(event)) return;
    exchanging = false;
    desk()?.querySelector("#duplicate-verdict")?.focus({ preventScroll: true });
  });
  document.addEventListener("keydown", (event) => {
    if (event.metaKey || event.ctrlKey || event.altKey || event.repeat || window.gxGoing) return;
    if (document.querySelector("dialog[open]")) return;
    if (event.target.closest("input, textarea, select, [contenteditable], .dropdown-menu.show")) return;
    if (!["y", "n", "s", "u"].includes(event.key)) return;
    const button = desk()?.querySelector(`[data-key="${event.key}"]`);
    if (!button) return;
    event.preventDefault();
    if (!exchanging) button.click();
  });
})();
