// Node names stand out in sentences. A sentence marks them with two private-use characters, and the component Rich draws them.
const open = "\uE000";
const close = "\uE001";

/** Marks a node's name within a sentence. */
export function name(text: string): string {
  return open + plain(text) + close;
}

/** Names as a list: `nas`, `machine2`. */
export function names(all: string[]): string {
  return all.map(name).join(", ");
}

export interface Part {
  text: string;
  isName: boolean;
}

export function parts(sentence: string): Part[] {
  const out: Part[] = [];
  for (const piece of sentence.split(open)) {
    const at = piece.indexOf(close);
    if (at < 0) {
      if (piece) out.push({ text: piece, isName: false });
      continue;
    }
    out.push({ text: piece.slice(0, at), isName: true });
    const rest = piece.slice(at + 1);
    if (rest) out.push({ text: rest, isName: false });
  }
  return out;
}

/** The sentence without marks, for labels and announcements. */
export function plain(sentence: string): string {
  return sentence.replaceAll(open, "").replaceAll(close, "");
}

/** Engine fragments are lower case; at the start of a line they begin with a capital, unless a name does. */
export function capital(sentence: string): string {
  return sentence.startsWith(open) ? sentence : sentence.charAt(0).toUpperCase() + sentence.slice(1);
}
