// Numbers, times and durations as people write them. Spaces between a number and its unit do not break.
const nb = "\u00A0";

const day = 86_400_000;
const hour = 3_600_000;
const minute = 60_000;

/** At most two units: `0.8 ms`, `12 s`, `1 min 5 s`, `2 h 16 min`, `12 d`. */
export function duration(ms: number, language: string): string {
  const d = language.startsWith("fr") ? "j" : "d";
  const least = Math.max(0, ms);
  if (least < 1000) return `${Math.round(least)}${nb}ms`;
  const s = Math.round(least / 1000);
  if (s < 60) return `${s}${nb}s`;
  if (least < hour) return two(Math.floor(s / 60), "min", s % 60, "s");
  const min = Math.floor(least / minute);
  if (least < day) return two(Math.floor(min / 60), "h", min % 60, "min");
  const h = Math.floor(least / hour);
  return h < 240 ? two(Math.floor(h / 24), d, h % 24, "h") : `${Math.floor(h / 24)}${nb}${d}`;
}

function two(a: number, unitA: string, b: number, unitB: string): string {
  return b === 0 ? `${a}${nb}${unitA}` : `${a}${nb}${unitA}${nb}${b}${nb}${unitB}`;
}

/** How long something runs: `0:53`, `12:05`, `1:02:09`. */
export function stopwatch(ms: number): string {
  const s = Math.max(0, Math.floor(ms / 1000));
  const two = (n: number) => String(n).padStart(2, "0");
  const h = Math.floor(s / 3600);
  return h > 0 ? `${h}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}` : `${Math.floor(s / 60)}:${two(s % 60)}`;
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** Making a formatter costs more than everything that it ever formats. */
function formatter(locale: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${locale} ${JSON.stringify(options)}`;
  const kept = formats.get(key) ?? new Intl.DateTimeFormat(locale, options);
  formats.set(key, kept);
  return kept;
}

export function clock(at: number, locale: string): string {
  return formatter(locale, { hour: "2-digit", minute: "2-digit" }).format(at);
}

/** To the second, for whoever rests on a short one: `Saturday 21 November 2026 at 20:41:07`. */
export function exact(at: number, locale: string): string {
  return formatter(locale, { dateStyle: "full", timeStyle: "medium" }).format(at);
}

/** `20:41` today, `Fri 23:10` within the week, `12 Nov` before. */
export function moment(at: number, now: number, locale: string): string {
  if (sameDay(at, now)) return clock(at, locale);
  if (at <= now && now - at < 6 * day) {
    const weekday = formatter(locale, { weekday: "short" }).format(at).replace(/\.$/, "");
    return `${weekday}${nb}${clock(at, locale)}`;
  }
  return formatter(locale, { day: "numeric", month: "short" }).format(at);
}

/** `20:41` today, `tomorrow, 08:00`, `Fri, 08:00` within the week, `12 Nov, 08:00` after. */
export function ahead(at: number, now: number, locale: string): string {
  const midnight = (of: number) => new Date(of).setHours(0, 0, 0, 0);
  const days = Math.round((midnight(at) - midnight(now)) / day);
  if (days === 0) return clock(at, locale);
  const named = days === 1 ? relative(locale).format(1, "day") : days > 0 && days < 7 ? formatter(locale, { weekday: "long" }).format(at) : formatter(locale, { day: "numeric", month: "short" }).format(at);
  return `${named}, ${clock(at, locale)}`;
}

const relatives = new Map<string, Intl.RelativeTimeFormat>();

function relative(locale: string): Intl.RelativeTimeFormat {
  const kept = relatives.get(locale) ?? new Intl.RelativeTimeFormat(locale, { numeric: "auto" });
  relatives.set(locale, kept);
  return kept;
}

/** The heading of a day in the journal: `Saturday 21 November`. */
export function dayTitle(at: number, locale: string): string {
  const text = formatter(locale, { weekday: "long", day: "numeric", month: "long" }).format(at);
  return text.charAt(0).toUpperCase() + text.slice(1);
}

export function sameDay(a: number, b: number): boolean {
  return new Date(a).toDateString() === new Date(b).toDateString();
}

/** `512 MB`, `2.1 GB`, in French `2,1 Go`; powers of 1000, as disks and networks count. */
export function bytes(n: number, locale: string): string {
  const units = locale.startsWith("fr") ? ["o", "ko", "Mo", "Go", "To"] : ["B", "KB", "MB", "GB", "TB"];
  let value = n;
  let at = 0;
  while (value >= 1000 && at < units.length - 1) {
    value /= 1000;
    at += 1;
  }
  const digits = value >= 10 || at === 0 ? 0 : 1;
  return `${new Intl.NumberFormat(locale, { maximumFractionDigits: digits }).format(value)}${nb}${units[at]}`;
}

/** A fingerprint in groups of four, so that an eye can compare it. Certificates come in pairs with colons already. */
export function fingerprint(text: string): { hash: string; groups: string[] } {
  const [, hash = "", rest = text] = /^(SHA256):(.*)$/.exec(text) ?? [];
  if (rest.includes(":")) return { hash: "SHA256", groups: (rest.match(/.{1,6}/g) ?? [rest]).map((g) => g.replace(/:$/, "")) };
  return { hash, groups: rest.match(/.{1,4}/g) ?? [rest] };
}
