// The segment builder: a tree of groups and conditions, each condition a sentence with inputs in it.
// The page gives the catalogue, the tree and the labels as JSON; the server counts, says and refuses.
(() => {
  const root = document.getElementById("segment-builder");
  if (!root) return;
  const PREVIEW_WAIT_MS = 300; // one count per pause in typing
  const SEARCH_WAIT_MS = 200;
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const { conditions, words, currency } = read("segment-catalogue");
  const labels = read("segment-labels");
  const tree = read("segment-tree");
  const byKey = new Map(conditions.map((one) => [one.key, one]));
  const hidden = document.getElementById(root.dataset.field || "segment-definition");
  const preview = document.getElementById("segment-preview");
  const picker = document.getElementById("segment-picker");
  const form = root.closest("form");
  let saved = "";
  let controls = 0;
  if (!Array.isArray(tree.rules)) Object.assign(tree, { match: "all", rules: [] });
  tree.match ||= "all";

  function el(name, props = {}, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(props)) {
      if (key === "on") for (const [type, handler] of Object.entries(value)) made.addEventListener(type, handler);
      else if (key in made && key !== "list") made[key] = value;
      else if (value !== null && value !== undefined && value !== false) made.setAttribute(key, value);
    }
    made.append(...children.filter((child) => child !== null && child !== undefined));
    return made;
  }
  const button = (text, css, click, extra = {}) => el("button", { type: "button", className: `btn ${css}`, on: { click }, ...extra }, text);
  const cross = () => "×";

  // --- the tree -------------------------------------------------------------------------------------------
  function draw(focus) {
    root.replaceChildren(group(tree, "", null));
    if (focus) root.querySelector(`[data-path="${CSS.escape(focus)}"] :is(input, select, button)`)?.focus();
    changed();
  }

  function group(node, path, remove) {
    const list = el("ol", { className: "gx-rules" });
    const word = () => ({ all: words.and, any: words.or, none: words.nor })[node.match];
    node.rules.forEach((rule, at) => {
      const here = `${path ? `${path}.` : ""}rules.${at}`;
      const drop = () => { node.rules.splice(at, 1); draw(path); };
      const made = rule.if === undefined ? group(rule, here, drop) : condition(rule, here, drop);
      list.append(el("li", { className: "gx-rules__item" }, at ? el("span", { className: "gx-rules__word", "aria-hidden": "true" }, word()) : null, made));
    });
    const match = el("select", { className: "form-select gx-inline", "aria-label": words.match, on: { change: () => { node.match = match.value; draw(); } } });
    for (const one of ["all", "any", "none"]) match.append(el("option", { value: one, selected: node.match === one }, words[one]));
    const head = el("div", { className: "gx-group__head" }, el("span", {}, words.people_who), match, el("span", { className: "gx-grow" }));
    if (remove) head.append(button(cross(), "btn-ghost btn-sm btn-icon", remove, { "aria-label": words.remove_group, title: words.remove_group }));
    const foot = el("div", { className: "gx-row" },
      button(`+ ${words.add_condition}`, "btn-sm", () => pick((key) => { node.rules.push(fresh(key)); draw(`${path ? `${path}.` : ""}rules.${node.rules.length - 1}`); })),
      button(`+ ${words.add_group}`, "btn-sm btn-ghost", () => pick((key) => { node.rules.push({ match: node.match === "any" ? "all" : "any", rules: [fresh(key)] }); draw(); })));
    const empty = !node.rules.length && !path ? el("p", { className: "gx-muted" }, words.everyone) : null;
    return el("div", { className: `gx-group${path ? " gx-group--inner" : ""}`, "data-path": path || "definition" }, node.rules.length || path ? head : null, empty, list, foot, fault());
  }

  const fault = () => el("div", { className: "gx-error gx-builder__fault", hidden: true });

  function fresh(key) {
    return withDefaults({ if: key }, byKey.get(key).fields);
  }
  function withDefaults(made, fields) {
    for (const field of fields) made[field.name] = Array.isArray(field.default) ? [...field.default] : field.default ?? "";
    return made;
  }

  function condition(rule, path, remove) {
    const known = byKey.get(rule.if);
    const off = button(cross(), "btn-ghost btn-sm btn-icon", remove, { "aria-label": words.remove, title: words.remove });
    if (!known) return el("div", { className: "gx-rule", "data-path": path }, el("span", { className: "gx-grow" }, rule.if), off, fault());
    const said = phrase(el("div", { className: "gx-rule__said" }), known.phrase, known.fields, rule, path);
    if (known.details.length) said.append(...details(rule, known, path));
    return el("div", { className: "gx-rule", "data-path": path }, el("span", { className: "gx-rule__kind" }, known.label), said, off, fault());
  }

  function phrase(into, text, fields, rule, path) {
    for (const part of text.split(/(\{\w+\})/)) {
      const field = part.startsWith("{") && fields.find((one) => `{${one.name}}` === part);
      if (field) into.append(control(rule, field, path));
      else for (const word of part.split(/\s+/)) if (word) into.append(el("span", {}, word));
    }
    return into;
  }

  // More about a condition: each detail is all of its inputs or none.
  function details(rule, known, path) {
    const isSaid = (detail) => detail.fields.some((field) => rule[field.name] !== undefined && rule[field.name] !== null);
    const made = [];
    for (const detail of known.details.filter(isSaid)) {
      const drop = () => { for (const field of detail.fields) delete rule[field.name]; draw(path); };
      const box = phrase(el("span", { className: "gx-rule__detail" }), detail.clause, detail.fields, rule, path);
      box.append(button(cross(), "btn-ghost btn-sm btn-icon", drop, { "aria-label": `${words.remove}: ${detail.label}`, title: words.remove }));
      made.push(box);
    }
    const left = known.details.filter((detail) => !isSaid(detail));
    if (!left.length) return made;
    const add = el("select", { className: "form-select gx-inline gx-inline--add", "aria-label": words.add_detail, on: { change: () => { withDefaults(rule, left.find((one) => one.name === add.value).fields); draw(path); } } }, el("option", { value: "" }, words.add_detail));
    for (const detail of left) add.append(el("option", { value: detail.name }, detail.label));
    return [...made, add];
  }

  // --- the inputs -------------------------------------------------------------------------------------------
  function control(rule, field, path) {
    const common = { "aria-label": field.label, "data-field": `${path}.${field.name}`, id: `segment-input-${controls++}` };
    if (field.kind === "choice") {
      const made = el("select", { className: "form-select gx-inline", ...common, on: { change: () => { rule[field.name] = made.value; changed(); } } });
      for (const [value, label] of field.options) made.append(el("option", { value, selected: String(rule[field.name]) === value }, label));
      return made;
    }
    if (field.kind === "choices" || field.kind === "search") return tokens(rule, field, common);
    const figure = field.kind !== "text" && field.kind !== "date";
    const made = el("input", {
      className: `form-control gx-inline gx-inline--${field.kind}`, type: figure ? "number" : field.kind, ...common,
      value: rule[field.name] ?? "", step: field.kind === "money" ? "any" : "1", min: figure ? String(field.minimum) : "", max: figure ? String(field.maximum) : "", autocomplete: "off",
      on: { input: () => { rule[field.name] = field.kind === "number" && made.value !== "" ? Number(made.value) : made.value; changed(); } },
    });
    if (field.kind !== "money") return made;
    return el("span", { className: "gx-inline-money" }, el("span", { className: "gx-muted" }, currency.trim()), made);
  }

  function tokens(rule, field, common) {
    const box = el("span", { className: "gx-tokens" });
    const key = `${rule.if}.${field.name}`;
    const names = field.kind === "search" ? (labels[key] ||= {}) : Object.fromEntries(field.options);
    const values = () => (rule[field.name] ||= []);
    const add = (value, label) => {
      if (!value || values().includes(value)) return;
      values().push(value);
      names[value] = label;
      redraw();
      changed();
      box.querySelector("input, select")?.focus();
    };
    function redraw() {
      const chips = values().map((value, at) => el("span", { className: "gx-chip" }, names[value] || value,
        el("button", { type: "button", className: "gx-chip__x", "aria-label": `${words.remove}: ${names[value] || value}`, on: { click: () => { values().splice(at, 1); redraw(); changed(); } } }, cross())));
      box.replaceChildren(...chips, field.kind === "search" ? search() : rest());
    }
    function rest() {
      const left = field.options.filter(([value]) => !values().includes(value));
      const made = el("select", { className: "form-select gx-inline", ...common, on: { change: () => add(made.value, names[made.value]) } }, el("option", { value: "" }, words.choose));
      for (const [value, label] of left) made.append(el("option", { value }, label));
      return left.length || !values().length ? made : "";
    }
    function search() {
      const list = el("div", { className: "gx-suggest", role: "listbox", hidden: true, id: `${common.id}-list` });
      let timer = 0;
      let asked = 0;
      const input = el("input", { className: "form-control gx-inline gx-inline--text", type: "text", placeholder: words.search, autocomplete: "off", role: "combobox", "aria-expanded": "false", "aria-controls": list.id, ...common, on: { input: later, focus: later, keydown: keys, blur: () => setTimeout(() => show([]), 150) } });
      function show(options) {
        list.replaceChildren(...options.map(([value, label]) => el("button", { type: "button", role: "option", className: "gx-suggest__one", tabIndex: -1, on: { mousedown: (event) => event.preventDefault(), click: () => add(value, label) } }, label)));
        list.hidden = !options.length;
        input.setAttribute("aria-expanded", String(!list.hidden));
      }
      function later() {
        clearTimeout(timer);
        timer = setTimeout(async () => {
          const mine = ++asked;
          const query = new URLSearchParams({ condition: rule.if, field: field.name, q: input.value });
          const response = await fetch(`${root.dataset.options}?${query}`, { headers: { "HX-Request": "true" } }).catch(() => null);
          if (mine !== asked || !response?.ok || document.activeElement !== input) return;
          const found = (await response.json()).options.filter(([value]) => !values().includes(value));
          show(found);
          if (!found.length && input.value.trim()) list.replaceChildren(el("span", { className: "gx-suggest__none" }, words.nothing)), (list.hidden = false);
        }, SEARCH_WAIT_MS);
      }
      function keys(event) {
        const all = [...list.querySelectorAll("[role=option]")];
        const at = all.findIndex((one) => one.classList.contains("is-at"));
        if (event.key === "ArrowDown" || event.key === "ArrowUp") {
          const next = all[(at + (event.key === "ArrowDown" ? 1 : all.length - 1) + all.length) % all.length];
          all[at]?.classList.remove("is-at");
          next?.classList.add("is-at");
          next?.scrollIntoView({ block: "nearest" });
        } else if (event.key === "Enter") (all[at] || all[0])?.click();
        else if (event.key === "Escape" && !list.hidden) show([]);
        else return;
        event.preventDefault();
      }
      return el("span", { className: "gx-suggest__box" }, input, list);
    }
    redraw();
    return box;
  }

  // --- choosing a condition -------------------------------------------------------------------------------
  let chosen = null;
  const find = document.getElementById("segment-picker-find");
  const offered = document.getElementById("segment-picker-list");
  const groups = Map.groupBy ? Map.groupBy(conditions, (one) => one.group) : conditions.reduce((map, one) => map.set(one.group, [...(map.get(one.group) || []), one]), new Map());
  for (const [name, members] of groups) {
    const list = el("div", { className: "gx-picker__group" }, el("h3", {}, name));
    for (const one of members) list.append(el("button", { type: "button", className: "gx-picker__one", "data-find": `${one.label} ${one.group}`.toLocaleLowerCase(), on: { click: () => { picker.close(); chosen(one.key); } } }, one.label));
    offered.append(list);
  }
  function pick(then) {
    chosen = then;
    find.value = "";
    narrow();
    picker.showModal();
    find.focus();
  }
  function narrow() {
    const text = find.value.trim().toLocaleLowerCase();
    for (const one of offered.querySelectorAll(".gx-picker__one")) one.hidden = Boolean(text) && !one.dataset.find.includes(text);
    for (const one of offered.children) one.hidden = !one.querySelector(".gx-picker__one:not([hidden])");
  }
  find.addEventListener("input", narrow);
  find.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    const shown = [...offered.querySelectorAll(".gx-picker__one:not([hidden])")];
    const text = find.value.trim().toLocaleLowerCase(); // "tag" means Tag, not Stage
    (shown.find((one) => one.dataset.find.startsWith(text)) || shown[0])?.click();
  });

  // --- counting ---------------------------------------------------------------------------------------------
  let timer = 0;
  let asked = 0;
  function changed() {
    hidden.value = JSON.stringify(tree);
    const starters = document.querySelector("[data-starters]");
    if (starters) starters.hidden = tree.rules.length > 0;
    clearTimeout(timer);
    if (preview) timer = setTimeout(() => count(), PREVIEW_WAIT_MS);
  }
  const overlap = document.getElementById("segment-overlap");
  overlap?.addEventListener("change", () => count());
  async function count(anyway = false) {
    const mine = ++asked;
    preview.setAttribute("aria-busy", "true");
    const body = new URLSearchParams({ definition: hidden.value, segment: root.dataset.segment || "", overlap: overlap?.value || "", anyway: anyway ? "1" : "" });
    const headers = { ...JSON.parse(document.body.getAttribute("hx-headers")), "HX-Request": "true" };
    const response = await fetch(root.dataset.preview, { method: "POST", headers, body }).catch(() => null);
    if (mine !== asked) return;
    preview.removeAttribute("aria-busy");
    if (!response?.ok) return window.gx.toast(window.gx.words[response ? "failed" : "not_sent"], "bad");
    preview.innerHTML = await response.text();
    preview.querySelector("[data-count-anyway]")?.addEventListener("click", (event) => { event.target.disabled = true; count(true); });
    mark(JSON.parse(preview.querySelector("#segment-faults")?.textContent || "{}"));
  }
  function mark(faults) {
    root.querySelectorAll("[aria-invalid]").forEach((one) => one.removeAttribute("aria-invalid"));
    root.querySelectorAll(".gx-builder__fault").forEach((one) => (one.hidden = true));
    for (const [path, texts] of Object.entries(faults)) {
      const input = root.querySelector(`[data-field="${CSS.escape(path)}"]`);
      input?.setAttribute("aria-invalid", "true");
      const place = root.querySelector(`[data-path="${CSS.escape(path)}"]`) || input?.closest("[data-path]");
      const line = place?.querySelector(":scope > .gx-builder__fault");
      if (line) Object.assign(line, { textContent: [line.hidden ? "" : line.textContent, ...texts].filter(Boolean).join(" "), hidden: false });
    }
  }

  // --- leaving ----------------------------------------------------------------------------------------------
  let sending = false;
  form.addEventListener("submit", () => (sending = true));
  addEventListener("beforeunload", (event) => {
    if (!sending && hidden.value !== saved) event.preventDefault();
  });

  draw();
  saved = hidden.value;
  mark(document.getElementById("segment-form-faults") ? read("segment-form-faults") : {});
})();
