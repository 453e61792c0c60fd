export type Theme = "light" | "dark" | "system";
const key = "wakehub.theme";

class ThemeChoice {
  chosen: Theme = $state((document.documentElement.dataset.theme as Theme | undefined) ?? "system");

  /** What is seen, be it chosen or the system's. */
  get isDark(): boolean {
    return this.chosen === "dark" || (this.chosen === "system" && matchMedia("(prefers-color-scheme: dark)").matches);
  }

  choose(theme: Theme): void {
    this.chosen = theme;
    try {
      if (theme === "system") localStorage.removeItem(key);
      else localStorage.setItem(key, theme);
    } catch {
      // Without storage the choice holds until the window closes.
    }
    if (theme === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
  }
}

export const theme = new ThemeChoice();
