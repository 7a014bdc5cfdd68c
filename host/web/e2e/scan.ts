// Searching and counting for the stand-in: over lines in memory, by the page's own idea of times and levels.

import { LEVELS, levelOf } from '../src/text/level';
import { timeOf } from '../src/text/time';

export interface Scanned { gen: string; off: number; text: string; bytes: number }

export interface Ask {
  t: 'search' | 'count';
  id: number;
  at?: string;
  backward?: boolean;
  since_ms?: number;
  until_ms?: number;
  include?: string[];
  exclude?: string[];
  matches?: number;
  bucket_ms?: number;
}

// The server's dialect knows one thing that the page's does not.
const pattern = (p: string) => (p.startsWith('(?i)') ? new RegExp(p.slice(4), 'i') : new RegExp(p));

/** The answer to a request, in one message. from is the index of the first line at or after the position that is asked about. */
export function scan(lines: Scanned[], m: Ask, from: number, end: string): Record<string, unknown> {
  const include = (m.include ?? []).map(pattern);
  const exclude = (m.exclude ?? []).map(pattern);
  let time = 0;
  const dated = lines.map((l) => ({ ...l, time: (time = timeOf(l.text) ?? time) }));
  const range = m.backward ? dated.slice(0, m.at ? from : undefined).reverse() : dated.slice(m.at ? from : 0);
  const matches: unknown[] = [];
  const buckets = new Map<number, number[]>();
  let at = m.at ?? end;
  let last: number | null = null;
  let scanned = 0;
  let stop = 'all';
  for (const l of range) {
    if (l.time < (m.since_ms ?? -Infinity) || l.time >= (m.until_ms ?? Infinity)) continue;
    scanned += l.bytes;
    last = l.time;
    at = m.backward ? `${l.gen}.${l.off}` : `${l.gen}.${l.off + l.bytes}`;
    if ((include.length > 0 && !include.some((p) => p.test(l.text))) || exclude.some((p) => p.test(l.text))) continue;
    const level = levelOf(l.text);
    if (m.t === 'search') {
      matches.push({ at: `${l.gen}.${l.off}`, time_ms: l.time || null, level: level ? LEVELS[level] : '', text: l.text.trimEnd() });
      if (matches.length >= m.matches!) {
        stop = 'matches';
        break;
      }
      continue;
    }
    const start = Math.floor(l.time / m.bucket_ms!) * m.bucket_ms!;
    if (!buckets.has(start)) buckets.set(start, [start, 0, 0, 0, 0, 0, 0, 0]);
    buckets.get(start)![1 + level]++;
  }
  const found = m.t === 'search' ? { t: 'found', id: m.id, matches } : { t: 'counted', id: m.id, buckets: [...buckets.values()] };
  return { ...found, at, time_ms: last, scanned, left: stop === 'all' ? 0 : 1 << 20, skipped: 0, end: stop };
}
