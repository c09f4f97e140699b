// A conversation in the portal: the newest words in sight, Ctrl-Enter sends.
(() => {
  const newest = () => document.querySelector(".gx-chat li:last-child")?.scrollIntoView({ block: "nearest" });
  document.addEventListener("htmx:afterSwap", newest);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.matches(".gx-say textarea")) event.target.form.requestSubmit();
  });
  newest();
})();
