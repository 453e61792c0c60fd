// Sets the chosen theme and language before the first paint. A file of its own: the content security policy has no inline scripts.
(function () {
  try {
    var theme = localStorage.getItem("wakehub.theme");
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
    var language = localStorage.getItem("wakehub.language") || navigator.language || "en";
    document.documentElement.lang = language.slice(0, 2) === "fr" ? "fr" : "en";
  } catch {
    // Storage may be switched off; the system's choice holds then.
  }
})();
