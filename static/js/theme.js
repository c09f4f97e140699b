// Runs before the first paint: "auto" follows the device. The cookie is read by the server (crm/accounts/context.py).
(() => {
  const root = document.documentElement;
  const dark = window.matchMedia("(prefers-color-scheme: dark)");

  function paint() {
    const theme = root.dataset.theme;
    root.dataset.bsTheme = theme === "dark" || (theme !== "light" && dark.matches) ? "dark" : "light";
    document.dispatchEvent(new CustomEvent("gx:theme"));
  }

  window.gxTheme = (theme) => {
    root.dataset.theme = theme;
    const secure = location.protocol === "https:" ? "; Secure" : "";
    document.cookie = `theme=${theme}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
    paint();
  };
  dark.addEventListener("change", paint);
  paint();
})();
