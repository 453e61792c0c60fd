// What was measured, as people write it: `1.2 cores`, `14 MiB/min`, `2`, `nobody`.
import { m } from "./i18n/index.svelte";
import type { Unit } from "./idle";

const nb = "\u00A0";

export function amount(unit: Unit, n: number, locale: string): string {
  const write = (value: number, digits: number) => new Intl.NumberFormat(locale, { maximumFractionDigits: digits }).format(value);
  switch (unit) {
    case "cores":
      return m.amountOf.cores(write(n, 2), n).replace(" ", nb);
    case "part":
      return `${write(n * 100, 0)}${nb}%`;
    case "bytes":
      return m.amountOf.aMinute(size(n, write));
    case "packets":
      return m.amountOf.packets(write(n, 0), n).replace(" ", nb);
    case "connections":
      return write(n, 0);
    case "users":
      return m.amountOf.users(n);
  }
}

/** Powers of 1024, as thresholds are written in homelab.toml. */
function size(n: number, write: (value: number, digits: number) => string): string {
  let [value, at] = [n, 0];
  while (value >= 1023.95 && at < m.byteUnits.length - 1) {
    value /= 1024;
    at += 1;
  }
  return `${write(value, value < 10 && at > 0 ? 1 : 0)}${nb}${m.byteUnits[at]}`;
}
