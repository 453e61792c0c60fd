// The words of the window. Reading a word in a component follows the language.
import { en } from "./en";
import { fr } from "./fr";

export type Language = "en" | "fr";
export type Catalogue = typeof en;

const catalogues: Record<Language, Catalogue> = { en, fr };
const key = "wakehub.language";

function stored(): Language | null {
  try {
    const value = localStorage.getItem(key);
    return value === "en" || value === "fr" ? value : null;
  } catch {
    return null;
  }
}

function ofSystem(): Language {
  return navigator.language.toLowerCase().startsWith("fr") ? "fr" : "en";
}

class Words {
  /** What the user chose; null follows the system. */
  chosen = $state<Language | null>(stored());
  readonly language: Language = $derived(this.chosen ?? ofSystem());
  /** For dates and times: the system's variant of the language, where it is one. */
  readonly locale: string = $derived(
    navigator.language.toLowerCase().startsWith(this.language) ? navigator.language : this.language === "fr" ? "fr-FR" : "en-GB",
  );

  choose(language: Language | null): void {
    this.chosen = language;
    try {
      if (language) localStorage.setItem(key, language);
      else localStorage.removeItem(key);
    } catch {
      // Without storage the choice holds until the window closes.
    }
    document.documentElement.lang = this.language;
  }
}

export const words = new Words();

export const m: Catalogue = new Proxy({} as Catalogue, {
  get: (_target, name) => catalogues[words.language][name as keyof Catalogue],
});
