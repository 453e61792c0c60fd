// Finding by a few typed characters: all of them must stand in the text in this order. Beginnings of words count most.

/** Null when it does not match; else the higher the better, with the places of the characters. */
export function fuzzy(text: string, wanted: string): { score: number; at: number[] } | null {
  const hay = fold(text);
  const needle = fold(wanted).replace(/\s+/g, "");
  if (needle === "") return { score: 0, at: [] };
  const whole = hay.indexOf(needle);
  if (whole >= 0) {
    const at = Array.from(needle, (_, index) => whole + index);
    return { score: 100 + (startsWord(hay, whole) ? 50 : 0) + (whole === 0 ? 30 : 0) - hay.length / 100, at };
  }
  const at: number[] = [];
  let score = 0;
  for (let from = 0, index = 0; index < needle.length; index += 1) {
    const next = best(hay, needle[index]!, from);
    if (next < 0) return null;
    score += startsWord(hay, next) ? 8 : at.at(-1) === next - 1 ? 4 : 1;
    at.push(next);
    from = next + 1;
  }
  return { score: score - hay.length / 100, at };
}

/** The next beginning of a word with this character, unless that would skip far over one within a word. */
function best(hay: string, character: string, from: number): number {
  const first = hay.indexOf(character, from);
  if (first === from) return first;
  for (let at = first; at >= 0 && at < first + 12; at = hay.indexOf(character, at + 1)) if (startsWord(hay, at)) return at;
  return first;
}

const startsWord = (text: string, at: number) => at === 0 || !/[a-z0-9]/.test(text[at - 1]!);

/** Lower case without accents, of the same length as what is shown. */
function fold(text: string): string {
  return Array.from(text.toLowerCase(), (character) => character.normalize("NFD")[0] ?? character).join("");
}
