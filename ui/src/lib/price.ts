// The price of electricity, as it is typed and chosen.

/** What was typed: a price, null for none, undefined for what is no price. */
export function readPrice(text: string): number | null | undefined {
  const trimmed = text.trim();
  if (trimmed === "") return null;
  if (!/^\d+([.,]\d{1,6})?$/.test(trimmed)) return undefined;
  const price = Number(trimmed.replace(",", "."));
  return price <= 100 ? price : undefined;
}

export function writePrice(price: number | null, locale: string): string {
  return price === null ? "" : new Intl.NumberFormat(locale, { maximumFractionDigits: 6, useGrouping: false }).format(price);
}

/** All that the browser can write money in, by name; `kept` is among them whatever it is. */
export function currencies(locale: string, kept: string): [string, string][] {
  const names = new Intl.DisplayNames(locale, { type: "currency" });
  const codes = new Set([...Intl.supportedValuesOf("currency"), kept]);
  const named = [...codes].map((code): [string, string] => [code, names.of(code) ?? code]);
  const order = new Intl.Collator(locale);
  return named.sort(([, one], [, other]) => order.compare(one, other)).map(([code, name]) => [code, name === code ? code : `${name.replace(/^./u, (first) => first.toLocaleUpperCase(locale))} (${code})`]);
}
