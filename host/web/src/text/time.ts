// The time that a line says of itself, at its head.

import { inZone } from './zone';

const iso = /^\[?(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?(?:\s?(Z|[+-]\d\d:?\d\d))?\]?/;
const keyed = /"(?:time|timestamp|ts|@timestamp)":"?(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?)/;
const prefixes = [
  iso,
  /^[IWEF]\d{4} \d\d:\d\d:\d\d(?:\.\d+)?/,
  /^(?:<\d+>)?[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d/,
  /^\[?\d\d:\d\d:\d\d(?:[.,]\d+)?\]?/,
];

/** Length of the time stamp that a line begins with; 0 if there is none. */
export function stampLength(line: string): number {
  const head = line.length > 48 ? line.slice(0, 48) : line;
  for (const p of prefixes) {
    const m = p.exec(head);
    if (m) return m[0].length;
  }
  return 0;
}

/** The time of a line in ms since the epoch, null if it has none that is complete. A time that names no zone is of zone; '' is that of the browser. */
export function timeOf(line: string, zone = ''): number | null {
  const head = line.length > 300 ? line.slice(0, 300) : line;
  const m = iso.exec(head);
  if (!m) {
    const k = keyed.exec(head);
    if (!k) return null;
    if (!/(?:Z|[+-]\d\d:?\d\d)$/.test(k[1])) return timeOf(k[1], zone);
    const t = Date.parse(k[1]);
    return Number.isNaN(t) ? null : t;
  }
  const [, y, mo, d, h, mi, s, fraction, named] = m;
  const ms = fraction ? Math.floor(Number(`0.${fraction}`) * 1000) : 0;
  const utc = Date.UTC(+y, +mo - 1, +d, +h, +mi, +s, ms);
  if (!named) return (zone && inZone(zone, utc)) || new Date(+y, +mo - 1, +d, +h, +mi, +s, ms).getTime();
  if (named === 'Z') return utc;
  const sign = named[0] === '-' ? 1 : -1;
  return utc + sign * (Number(named.slice(1, 3)) * 60 + Number(named.slice(-2))) * 60_000;
}
