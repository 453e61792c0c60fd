// Reads the catalogue of what the engine says in English. The tray and notifications read the same file, in the same way
// (crates/view/src/text/french.rs): `{n}`, `{port}`, `{seconds}` are digits, `{names}` a list of nodes, `{name}` one of them;
// `{rest}` and `{operation}` hold a sentence, said in French as well. `{clock}` is a time of day, `{day}` a day or a date,
// `{clocks}`, `{days}` and `{months}` a list of such words, `{amount}` and `{limit}` a number with its unit. Any other gap holds the platform's own words.
import catalogue from "./fr-engine.json";

export type Pair = { en: string; fr: string };
/** How a node's name is written; the window sets it apart. */
export type Mark = (name: string) => string;
export type Language = keyof Pair;

interface Entry {
  pattern: RegExp;
  pair: Pair;
  gaps: string[];
}

const frenchWords = new Map(catalogue.words.map(({ en, fr }) => [en, fr]));
const word = `(?:${[...frenchWords.keys()].join("|")})`;
const time = String.raw`\d\d:\d\d`;
const listed = (item: string) => `${item}(?:(?:, ${item})* and ${item})?`;
/** Units of what is measured; those that are not here are the same. */
const units: Record<string, string> = { cores: "cœurs", B: "o", KiB: "Kio", MiB: "Mio", GiB: "Gio", TiB: "Tio", packet: "paquet", packets: "paquets", connection: "connexion", connections: "connexions", user: "utilisateur", users: "utilisateurs" };
const measured = String.raw`[\d.]+ (?:%|${Object.keys(units).join("|")})`;
/** What may stand in a gap; in any other something. */
const holds: Record<string, string> = {
  n: String.raw`\d+?`,
  port: String.raw`\d+?`,
  seconds: String.raw`\d+?`,
  clock: time,
  clocks: listed(time),
  day: word,
  days: listed(word),
  months: listed(word),
  amount: measured,
  limit: measured,
};
const gap = /\{(\w+)\}/g;

const ownWords = (pair: Pair) => pair.en.replace(gap, "").length;

export function read(pair: Pair): Entry {
  const escaped = pair.en.split(gap).map((piece, at) => (at % 2 === 0 ? piece.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&") : `(${holds[piece] ?? ".+?"})`));
  return { pattern: new RegExp(`^${escaped.join("")}$`, "s"), pair, gaps: [...pair.en.matchAll(gap)].map((found) => found[1]!) };
}

const others = read(catalogue.others);
const items = catalogue.items.map(read);
/** Of several that fit, the one with the most words of its own counts. */
const sentences = [...catalogue.sentences].sort((a, b) => ownWords(b) - ownWords(a)).map(read);

const fill = (template: string, values: Record<string, string>) => template.replace(gap, (_, name: string) => values[name] ?? "");

function found(entry: Entry, text: string): Record<string, string> | null {
  const match = entry.pattern.exec(text);
  return match && Object.fromEntries(entry.gaps.map((name, at) => [name, match[at + 1]!]));
}

function list(text: string, language: Language, mark: Mark): string {
  const counted = found(others, text);
  const item = (one: string) => {
    for (const entry of items) {
      const values = found(entry, one);
      if (values) return fill(entry.pair[language], { ...values, name: mark(values["name"]!) });
    }
    return mark(one);
  };
  const names = (counted?.["names"] ?? text).split(", ").map(item).join(", ");
  return counted ? fill(others.pair[language], { ...counted, names }) : names;
}

/** `Monday, Tuesday and Friday` */
function wordList(text: string, language: Language): string {
  if (language === "en") return text;
  return text.replace(" and ", " et ").replace(new RegExp(word, "g"), (en) => frenchWords.get(en) ?? en);
}

/** `1.20 cores` */
function measure(text: string, language: Language): string {
  if (language === "en") return text;
  const [number = "", unit = ""] = text.split(" ");
  return `${number.replace(".", ",")}\u00A0${units[unit] ?? unit}`;
}

/** The sentence with its names marked; null for what is none of the engine's. */
export function told(sentence: string, language: Language, mark: Mark = (name) => name): string | null {
  for (const entry of sentences) {
    const values = found(entry, sentence);
    if (!values) continue;
    for (const [name, value] of Object.entries(values)) {
      if (name === "names") values[name] = list(value, language, mark);
      else if (["day", "days", "months", "clocks"].includes(name)) values[name] = wordList(value, language);
      else if (name === "amount" || name === "limit") values[name] = measure(value, language);
      else if (name === "name") values[name] = mark(value);
      else if (name === "rest" || name === "operation") values[name] = told(value, language, mark) ?? value;
    }
    return fill(entry.pair[language], values);
  }
  return null;
}

export function french(sentence: string): string {
  return told(sentence, "fr") ?? sentence;
}
