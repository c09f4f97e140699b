// The steps of a journey as a vertical list: add, move, remove; the form carries them as JSON.
(() => {
  const list = document.getElementById("journey-maker");
  if (!list) return;
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const { templates, segments, units, kinds, words } = read("journey-choices");
  const steps = read("journey-steps-data");
  const faults = read("segment-form-faults");
  const hidden = document.getElementById("journey-steps-field");
  const el = (name, props = {}, ...children) => {
    const made = Object.assign(document.createElement(name), props);
    made.append(...children);
    return made;
  };
  const icon = (kind) => document.querySelector(`template[data-icon="${kind}"]`).content.cloneNode(true);
  const keep = () => (hidden.value = JSON.stringify(steps));

  function select(step, name, options, label) {
    const made = el("select", { className: "form-select gx-inline", onchange: () => { step[name] = made.value; keep(); } });
    made.setAttribute("aria-label", label);
    if (name !== "unit") made.append(el("option", { value: "" }, words.choose));
    for (const [value, text] of options) made.append(el("option", { value, selected: String(step[name] ?? "") === String(value) }, text));
    return made;
  }
  function input(step, name, type, label) {
    const made = el("input", { className: `form-control gx-inline gx-inline--${type === "number" ? "number" : "text"}`, type, value: step[name] ?? "", maxLength: 40, oninput: () => { step[name] = made.value; keep(); } });
    if (type === "number") made.min = "1";
    made.setAttribute("aria-label", label);
    return made;
  }
  const bodies = {
    wait: (step) => [input(step, "amount", "number", words.wait), select(step, "unit", units, words.wait)],
    mail: (step) => [select(step, "template", templates, words.mail)],
    condition: (step) => [select(step, "segment", segments, words.condition)],
    tag: (step) => [input(step, "tag", "text", words.tag)],
    exit: () => [],
  };
  function tool(sign, label, click, off) {
    const made = el("button", { type: "button", className: "btn btn-ghost btn-sm btn-icon", title: label, disabled: Boolean(off), onclick: click }, sign);
    made.setAttribute("aria-label", label);
    return made;
  }
  function move(at, to) {
    steps.splice(to, 0, steps.splice(at, 1)[0]);
    draw();
  }
  function draw() {
    list.replaceChildren(...steps.map((step, at) => {
      const said = el("div", { className: "gx-rule__said" }, el("span", { className: "gx-strong" }, words[step.kind]), ...bodies[step.kind](step));
      const tools = el("span", { className: "gx-row gx-path__tools" }, tool("↑", words.up, () => move(at, at - 1), !at), tool("↓", words.down, () => move(at, at + 1), at === steps.length - 1), tool("×", words.remove, () => { steps.splice(at, 1); draw(); }));
      const card = el("div", { className: "gx-path__card gx-path__card--step" }, said, tools);
      const fault = faults[`steps.${at}`];
      if (fault) card.append(el("div", { className: "gx-error" }, fault.join(" ")));
      return el("li", { className: "gx-path__item" }, el("span", { className: "gx-path__dot" }, icon(step.kind)), card);
    }));
    if (!steps.length) list.append(el("li", { className: "gx-path__item" }, el("span", { className: "gx-path__dot" }, "…"), el("div", { className: "gx-path__card gx-muted" }, words.empty)));
    keep();
  }
  for (const [kind, label, about] of kinds) {
    document.getElementById("journey-add").append(el("button", { type: "button", className: "btn btn-sm", title: about, onclick: () => {
      steps.push({ kind, ...(kind === "wait" ? { amount: 1, unit: "days" } : {}) });
      Object.keys(faults).forEach((key) => delete faults[key]);
      draw();
      list.lastElementChild.querySelector("input, select")?.focus();
    } }, icon(kind), label));
  }
  draw();
})();
