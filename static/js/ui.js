// Behaviour of the components, by data attributes: dialogs, confirmation, toasts, copy, upload, sending state.
(() => {
  const words = JSON.parse(document.getElementById("gx-words")?.textContent || "{}");
  const on = (type, selector, handler) =>
    document.addEventListener(type, (event) => {
      const element = event.target.closest?.(selector);
      if (element) handler(event, element);
    });

  // --- toasts: gx.toast("Saved", "good"), or the server's HX-Trigger {"toast": {"text": …, "tone": …}} -----
  const ICON_LIFE_MS = 6000; // long enough to read two lines
  function toast(text, tone = "info") {
    const box = document.getElementById("toasts");
    const drawn = document.getElementById("toast-template").content.firstElementChild.cloneNode(true);
    drawn.className = `gx-toast gx-toast--${tone}`;
    drawn.querySelector("p").textContent = text;
    box.append(drawn);
    if (tone !== "bad") setTimeout(() => drawn.remove(), ICON_LIFE_MS);
  }
  document.querySelectorAll("#toasts .gx-toast:not(.gx-toast--bad)").forEach((drawn) => setTimeout(() => drawn.remove(), ICON_LIFE_MS));
  on("click", "[data-toast-close]", (_event, element) => element.closest(".gx-toast").remove());
  document.addEventListener("toast", (event) => toast(event.detail.text ?? event.detail.value, event.detail.tone));

  // --- dialogs ------------------------------------------------------------------------------------------
  on("click", "[data-open]", (_event, element) => document.getElementById(element.dataset.open)?.showModal());
  on("click", "[data-close]", (_event, element) => element.closest("dialog").close());
  document.addEventListener("click", (event) => {
    if (event.target.tagName !== "DIALOG") return; // a click on the backdrop hits the dialog itself
    const box = event.target.getBoundingClientRect();
    const inside = event.clientX >= box.left && event.clientX <= box.right && event.clientY >= box.top && event.clientY <= box.bottom;
    if (!inside) event.target.close();
  });
  document.addEventListener("closeDialog", () => document.querySelectorAll("dialog[open]").forEach((dialog) => dialog.close()));

  on("click", "[data-back]", () => history.back());

  // --- side panel: <a hx-get="…" hx-target="#side-panel-body" data-panel="Title"> -----------------------
  on("click", "[data-panel]", (_event, element) => {
    const panel = document.getElementById("side-panel");
    document.getElementById("side-panel-title").textContent = element.dataset.panel;
    if (!panel.open) panel.showModal();
  });
  // A link inherits hx-swap and hx-select of the list or card around it: the panel's body is only ever filled.
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.target.id !== "side-panel-body") return;
    event.detail.swapOverride = "innerHTML";
    event.detail.selectOverride = "unset";
  });

  // --- confirmation: data-confirm on a button or link, hx-confirm on an htmx element ----------------------
  function ask(text, element) {
    const dialog = document.getElementById("confirm-dialog");
    const yes = dialog.querySelector("[data-confirm-yes]");
    dialog.querySelector("#confirm-title").textContent = element.dataset.confirmTitle || words.confirm_title;
    dialog.querySelector("#confirm-text").textContent = text;
    yes.textContent = element.dataset.confirmGo || words.go;
    yes.className = `btn btn-${element.dataset.confirmTone === "danger" ? "danger" : "primary"}`;
    dialog.returnValue = "";
    dialog.showModal();
    return new Promise((resolve) => {
      dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
    });
  }
  on("click", "[data-confirm-yes]", () => document.getElementById("confirm-dialog").close("yes"));
  on("click", "[data-confirm-no]", () => document.getElementById("confirm-dialog").close(""));
  document.addEventListener("htmx:confirm", async (event) => {
    if (!event.detail.question) return;
    event.preventDefault();
    if (await ask(event.detail.question, event.detail.elt)) event.detail.issueRequest(true);
  });
  document.addEventListener(
    "click",
    async (event) => {
      const element = event.target.closest?.("[data-confirm]");
      if (!element || element.dataset.confirmed) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      if (!(await ask(element.dataset.confirm, element))) return;
      element.dataset.confirmed = "yes";
      element.click();
      delete element.dataset.confirmed;
    },
    true,
  );

  // --- forms: which shop the page was opened for; one press sends once ------------------------------------
  document.addEventListener("submit", (event) => {
    const form = event.target;
    const merchant = document.body.dataset.merchant;
    if (merchant && form.method === "post" && !("free" in form.dataset) && !form.elements._merchant) {
      const field = document.createElement("input");
      Object.assign(field, { type: "hidden", name: "_merchant", value: merchant });
      form.append(field);
    }
    const byHtmx = form.matches("[hx-post], [hx-get], [hx-put], [hx-delete], [hx-patch]");
    if (form.method === "post" && !byHtmx && !event.defaultPrevented && !("download" in form.dataset)) {
      if (form.classList.contains("is-sending")) return event.preventDefault();
      form.classList.add("is-sending");
    }
  });
  window.addEventListener("pageshow", () => document.querySelectorAll(".is-sending").forEach((form) => form.classList.remove("is-sending")));
  on("change", "[data-autosubmit]", (_event, element) => element.form.requestSubmit());

  // --- htmx: a refusal is said, not swapped in --------------------------------------------------------------
  function refusal(xhr) {
    const page = new DOMParser().parseFromString(xhr.responseText || "", "text/html");
    return page.querySelector("[data-error-message]")?.textContent.trim();
  }
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.xhr.status < 400) return;
    const message = refusal(event.detail.xhr);
    if (message) {
      event.detail.shouldSwap = false;
      toast(message, "bad");
    } else if (event.detail.xhr.status !== 422) {
      toast(words.failed, "bad");
    }
  });
  document.addEventListener("htmx:sendError", () => toast(words.not_sent, "bad"));

  // --- copy, upload ---------------------------------------------------------------------------------------
  on("click", "[data-copy]", async (_event, element) => {
    try {
      await navigator.clipboard.writeText(element.dataset.copy);
      toast(words.copied, "good");
    } catch {
      const range = document.createRange(); // no clipboard here: select it, so that Ctrl-C does
      range.selectNodeContents(element.parentElement.querySelector("code"));
      getSelection().removeAllRanges();
      getSelection().addRange(range);
    }
  });
  on("change", "[data-drop] input[type=file]", (_event, input) => {
    const zone = input.closest("[data-drop]");
    const file = input.files[0];
    const limit = Number(input.dataset.maxMb || 0);
    zone.classList.toggle("has-file", Boolean(file));
    if (!file) return;
    const large = limit && file.size > limit * 1048576;
    input.setCustomValidity(large ? words.too_big.replace("%s", limit) : "");
    if (large) input.reportValidity();
    const megabytes = (file.size / 1048576).toLocaleString(document.documentElement.lang, { maximumFractionDigits: 1 });
    zone.querySelector("[data-drop-name]").textContent = `${words.chosen.replace("%s", file.name)} · ${megabytes} MB`;
  });
  for (const [type, over] of [["dragenter", true], ["dragover", true], ["dragleave", false], ["drop", false]]) {
    on(type, "[data-drop]", (_event, zone) => zone.classList.toggle("is-over", over));
  }

  // --- appearance, sidebar on a phone -----------------------------------------------------------------------
  on("click", "[data-theme-set]", (_event, element) => {
    window.gxTheme(element.dataset.themeSet);
    document.querySelectorAll("[data-theme-set]").forEach((one) => one.setAttribute("aria-pressed", one.dataset.themeSet === element.dataset.themeSet));
  });
  function sidebar(open) {
    const bar = document.getElementById("sidebar");
    bar.classList.toggle("is-open", open);
    document.querySelectorAll("[data-sidebar]").forEach((button) => button.setAttribute("aria-expanded", open));
    document.querySelector(".gx-scrim")?.remove();
    if (!open) return;
    const scrim = document.createElement("div");
    scrim.className = "gx-scrim";
    scrim.addEventListener("click", () => sidebar(false));
    document.body.append(scrim);
    bar.querySelector("a, button").focus();
  }
  on("click", "[data-sidebar]", (_event, button) => sidebar(button.getAttribute("aria-expanded") !== "true"));
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && document.querySelector(".gx-sidebar.is-open")) sidebar(false);
  });

  // On a phone the settings' sections are a strip; the open one is brought into sight.
  document.querySelector(".gx-subnav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

  window.gx = { toast, words };
})();
