// A time as people type it: a clock time, a date and time, or how long ago.

const UNITS: Record<string, number> = {
  s: 1000, sec: 1000, second: 1000, seconds: 1000, 秒: 1000,
  m: 60_000, min: 60_000, minute: 60_000, minutes: 60_000, 分: 60_000, 分钟: 60_000,
  h: 3_600_000, hour: 3_600_000, hours: 3_600_000, 小时: 3_600_000, 时: 3_600_000,
  d: 86_400_000, day: 86_400_000, days: 86_400_000, 天: 86_400_000,
};

const clock = /^(\d{1,2}):(\d\d)(?::(\d\d)(?:[.,](\d{1,3}))?)?$/;
const dated = /^(\d{4})[-/](\d{1,2})[-/](\d{1,2})(?:[Tt ]+(\S+))?$/;
const short = /^(\d{1,2})[-/](\d{1,2})[Tt ]+(\S+)$/;
const ago = /^-?\s*(\d+(?:\.\d+)?)\s*([a-z]+|[分秒时天小钟]+)\s*(?:ago|前)?$/i;

/** Ms since the epoch for what is typed, in the time zone of the browser; null if it is none. now is what "ago" and days go by. */
export function when(typed: string, now: number): number | null {
  const text = typed.trim().toLowerCase();
  if (text === '') return null;
  const day = new Date(now);
  const relative = ago.exec(text);
  if (relative && UNITS[relative[2]]) return now - Number(relative[1]) * UNITS[relative[2]];
  for (const [word, days] of [['today', 0], ['今天', 0], ['yesterday', 1], ['昨天', 1]] as const) {
    if (!text.startsWith(word)) continue;
    return at(day.getFullYear(), day.getMonth(), day.getDate() - days, text.slice(word.length).trim());
  }
  const full = dated.exec(text.replace(/z$/, ''));
  if (full) {
    const local = at(Number(full[1]), Number(full[2]) - 1, Number(full[3]), full[4] ?? '');
    return local !== null && text.endsWith('z') ? local - new Date(local).getTimezoneOffset() * 60_000 : local;
  }
  const brief = short.exec(text);
  if (brief) return at(day.getFullYear(), Number(brief[1]) - 1, Number(brief[2]), brief[3]);
  const bare = at(day.getFullYear(), day.getMonth(), day.getDate(), text);
  // A clock time that is still to come was yesterday's.
  return bare !== null && text !== '' && bare > now + 60_000 ? bare - 86_400_000 : bare;
}

function at(year: number, month: number, day: number, time: string): number | null {
  if (month < 0 || month > 11 || day > 31) return null;
  if (time === '') return new Date(year, month, day).getTime();
  const m = clock.exec(time);
  if (!m || Number(m[1]) > 23 || Number(m[2]) > 59 || Number(m[3] ?? 0) > 59) return null;
  return new Date(year, month, day, Number(m[1]), Number(m[2]), Number(m[3] ?? 0), Number((m[4] ?? '').padEnd(3, '0'))).getTime();
}
