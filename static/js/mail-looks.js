// A mail in a frame, looked at as on a computer, a phone, in the dark, as plain text or with its clicks.
(() => {
  const WORDS = { dark: ["part", "dark"], text: ["part", "text"], links: ["links", "1"] };
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-look]");
    const group = button?.closest("[data-mail-looks]");
    if (!group) return;
    const frame = document.getElementById(group.dataset.mailLooks);
    for (const one of group.querySelectorAll("[data-look]")) one.setAttribute("aria-pressed", String(one === button));
    const url = new URL(frame.src);
    for (const name of ["part", "links"]) url.searchParams.delete(name);
    const [name, value] = WORDS[button.dataset.look] || [];
    if (name) url.searchParams.set(name, value);
    frame.classList.toggle("gx-mailframe--phone", button.dataset.look === "phone");
    frame.src = url.href;
  });
})();
