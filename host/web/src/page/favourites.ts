// Logs that a person has starred, and those that were open last.

import { kept, strings } from './kept';

const MOST_STARRED = 100;
const MOST_RECENT = 12;
// Two front doors may share an origin, each below its own path.
const place = typeof document === 'undefined' ? '/' : new URL(document.baseURI).pathname;

export const starred = kept(`livetail.starred${place}`, (stored) => strings(stored, MOST_STARRED));
/** The last that was opened comes first. */
export const recent = kept(`livetail.recent${place}`, (stored) => strings(stored, MOST_RECENT));

export function star(log: string): void {
  const rest = starred.peek().filter((l) => l !== log);
  starred.value = rest.length < starred.peek().length ? rest : [...rest, log].slice(-MOST_STARRED);
}

/** Notes that a log has been opened. */
export function opened(log: string): void {
  if (recent.peek()[0] !== log) recent.value = [log, ...recent.peek().filter((l) => l !== log)].slice(0, MOST_RECENT);
}

/** Starred logs first, then those that were open last, then the rest as it is. */
export function byFavour<T extends { log: string }>(logs: readonly T[]): T[] {
  const rank = (log: string) => {
    if (starred.value.includes(log)) return 0;
    const at = recent.value.indexOf(log);
    return at < 0 ? Infinity : 1 + at;
  };
  return logs.map((log) => ({ log, rank: rank(log.log) })).sort((a, b) => (a.rank === b.rank ? 0 : a.rank - b.rank)).map((r) => r.log);
}
