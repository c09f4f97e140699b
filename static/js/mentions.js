// Behind an @ in a textarea[data-mentions], colleagues to choose from: arrows and Enter, Escape, or a click.
(() => {
  const BEFORE_CARET = /(?:^|[\s(（,，。])[@＠]([^\s@＠]{0,30})$/u;
  let box = null;
  let field = null;
  let asked = 0;

  function close() {
    box?.remove();
    box = null;
    field?.removeAttribute("aria-activedescendant");
  }

  function mark(at) {
    const all = [...box.children];
    all.forEach((one, index) => one.setAttribute("aria-selected", String(index === at)));
    field.setAttribute("aria-activedescendant", all[at].id);
  }

  function choose(name) {
    const caret = field.selectionStart;
    const before = field.value.slice(0, caret).replace(/[@＠][^\s@＠]*$/u, `@${name} `);
    field.value = before + field.value.slice(caret);
    field.setSelectionRange(before.length, before.length);
    close();
    field.focus();
  }

  function show(people) {
    close();
    if (!people.length) return;
    box = document.createElement("ul");
    box.className = "gx-mentions";
    box.id = "mention-choices";
    box.setAttribute("role", "listbox");
    box.setAttribute("aria-label", field.dataset.mentionsLabel || "@");
    people.forEach((person, index) => {
      const line = document.createElement("li");
      line.id = `mention-${index}`;
      line.setAttribute("role", "option");
      line.dataset.name = person.name;
      line.textContent = person.name === person.line ? person.name : `${person.name} · ${person.line}`;
      line.addEventListener("mousedown", (event) => {
        event.preventDefault();
        choose(person.name);
      });
      box.append(line);
    });
    field.after(box);
    field.setAttribute("aria-controls", box.id);
    mark(0);
  }

  document.addEventListener("input", async (event) => {
    if (!event.target.matches?.("textarea[data-mentions]")) return;
    field = event.target;
    const typed = BEFORE_CARET.exec(field.value.slice(0, field.selectionStart));
    const mine = ++asked;
    if (!typed) return close();
    const answer = await fetch(`${field.dataset.mentions}?q=${encodeURIComponent(typed[1])}`, { headers: { Accept: "application/json" } });
    if (!answer.ok || mine !== asked) return; // the next letter asks again
    show((await answer.json()).people);
  });

  document.addEventListener("keydown", (event) => {
    if (!box || event.target !== field) return;
    const all = [...box.children];
    const at = all.findIndex((one) => one.getAttribute("aria-selected") === "true");
    if (event.key === "ArrowDown") mark((at + 1) % all.length);
    else if (event.key === "ArrowUp") mark((at - 1 + all.length) % all.length);
    else if (event.key === "Enter" || event.key === "Tab") choose(all[at].dataset.name);
    else if (event.key === "Escape") close();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }, true);
  document.addEventListener("focusout", (event) => event.target === field && close());
})();
