// Numbers and times for people.

export function number(v, digits) {
  if (v === null || v === undefined || Number.isNaN(v)) return "–";
  digits ??= v < 10 && v % 1 !== 0 ? 1 : 0;
  return v.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

export const percent = (share) => `${number(100 * share, share > 0 && share < 0.0995 ? 1 : 0)}%`;

// duration is 0.4 s, 42 s, 3:07 min, 2:05 h, 3.1 days.
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  const two = (n) => String(Math.floor(n)).padStart(2, "0");
  if (seconds < 10) return `${number(seconds, seconds < 0.05 ? 0 : 1)} s`;
  if (seconds < 100) return `${number(seconds, 0)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}:${two(seconds % 60)} min`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)}:${two((seconds / 60) % 60)} h`;
  return `${number(seconds / 86400, 1)} days`;
}

// milliseconds is 42 ms or 1.3 s.
export function milliseconds(ms) {
  if (ms === null || ms === undefined) return "–";
  return ms < 1000 ? `${number(ms, 0)} ms` : `${number(ms / 1000, 1)} s`;
}

const hours = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });

// clock is the time of day, from a date, its text or milliseconds.
export const clock = (at) => hours.format(new Date(at));

// words turns a name of the worker's into words: dead_lettered is "dead lettered".
export const words = (name) => name.replaceAll("_", " ");
