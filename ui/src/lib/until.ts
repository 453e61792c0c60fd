// Until when: the moments that are offered wherever something is put off, in local time.

const minute = 60_000;
const hour = 60 * minute;

export const oneHour = hour;
export const twoHours = 2 * hour;

/** The next time that a clock shows this hour, one hour ahead at least; on the day of a change of the clocks as well. */
export function nextAt(clockHour: number, now: number): number {
  const at = new Date(now);
  at.setHours(clockHour, 0, 0, 0);
  while (at.getTime() < now + hour) {
    at.setDate(at.getDate() + 1);
    at.setHours(clockHour, 0, 0, 0);
  }
  return at.getTime();
}

/** Tomorrow at this hour, whatever the hour is now. */
export function tomorrowAt(clockHour: number, now: number): number {
  const at = new Date(now);
  at.setDate(at.getDate() + 1);
  at.setHours(clockHour, 0, 0, 0);
  return at.getTime();
}

/** As a field for a day and a time takes it: `2026-11-22T08:00`. */
export function fieldOf(at: number): string {
  const two = (n: number) => String(n).padStart(2, "0");
  const date = new Date(at);
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}T${two(date.getHours())}:${two(date.getMinutes())}`;
}

/** Null for what is no time, is over, or is more than a year ahead. */
export function momentOf(field: string, now: number): number | null {
  const at = new Date(field).getTime();
  return Number.isFinite(at) && at > now && at < now + 366 * 24 * hour ? at : null;
}
