// Walking through what is loaded: hits of a search, lines of a level.

import { lineText, type LineBlock, type Row } from '../model/window';
import { plain } from '../text/plain';
import { timeOf } from '../text/time';
import type { Live } from './live';

/** Most hits that are counted; beyond, the number is followed by a plus. */
export const MOST_HITS = 10_000;

export interface Hits {
  ids: number[];
  more: boolean;
}

export function hits(live: Live): Hits {
  const pattern = live.painter.search;
  const ids: number[] = [];
  if (!pattern) return { ids, more: false };
  for (const b of live.window.blocks) {
    if (b.kind !== 'lines') continue;
    for (const i of matching(live, b, pattern)) {
      if (b.units !== null && b.units[i] === 0) continue;
      ids.push(b.id + i);
      if (ids.length >= MOST_HITS) return { ids, more: true };
    }
  }
  return { ids, more: false };
}

/** What has been found in a block: it is looked through once, and then what has been added. */
const looked = new WeakMap<LineBlock, { pattern: RegExp; summary: unknown; n: number; found: number[] }>();

function matching(live: Live, block: LineBlock, pattern: RegExp): number[] {
  const { summary } = live.painter;
  let known = looked.get(block);
  if (known?.pattern !== pattern || known.summary !== summary) looked.set(block, (known = { pattern, summary, n: 0, found: [] }));
  for (; known.n < block.n; known.n++) {
    pattern.lastIndex = 0;
    const raw = lineText(block, known.n);
    if (pattern.test(raw.includes('\x1b') ? plain(raw) : raw) || inSummary(live, pattern, raw)) known.found.push(known.n);
  }
  return known.found;
}

// A line may be shown as a summary, in which what is escaped in it is not, nor a number for a level or a time; and other things stand side by side there.
function inSummary(live: Live, pattern: RegExp, raw: string): boolean {
  if (!live.painter.summary || (/^\w+$/.test(pattern.source) && !/\\|"(?:level|severity|time|timestamp|ts|t)":\s*\d/.test(raw))) return false;
  const text = live.painter.summary(raw)?.text;
  pattern.lastIndex = 0;
  return text !== undefined && pattern.test(text);
}

/** Goes to the nearest row that fits, forwards or backwards from the selected row or what is in sight. */
export function seek(live: Live, forwards: boolean, fits: (row: Row) => boolean): boolean {
  const w = live.window;
  // At the live end there is nothing ahead: the first step goes to the newest that fits.
  const fresh = live.selected.value === null && live.following.value;
  const step = forwards && !fresh ? 1 : -1;
  const from = live.selected.value ?? (fresh ? w.lastId + 1 : (live.surface.topRow()?.id ?? 0) - (forwards ? 1 : 0));
  for (let id = Math.max(w.firstId - 1, Math.min(w.lastId + 1, from)) + step; id >= w.firstId && id <= w.lastId; id += step) {
    const row = w.row(id);
    if (!row || row.units === 0 || !fits(row)) continue;
    live.pause();
    live.select(id);
    live.surface.scrollToRow(row, 0.4);
    return true;
  }
  return false;
}

export function seekHit(live: Live, forwards: boolean): void {
  const found = new Set(hits(live).ids);
  seek(live, forwards, (row) => found.has(row.id));
}

/** Rows of one severity or, for errors, worse; gaps count as trouble as well. */
export function seekLevel(live: Live, forwards: boolean, errors: boolean): void {
  seek(live, forwards, (row) => {
    if (row.block.kind === 'mark') return errors && row.block.mark.body.t === 'gap';
    const level = row.block.levels[row.index];
    return errors ? level >= 5 : level === 4;
  });
}

/** When the selected line was written, or the first line in sight; a line that does not say has the time of one before it. */
export function timeAt(live: Live): number | null {
  const id = live.selected.value ?? live.surface.topRow()?.id;
  if (id === undefined) return null;
  for (let i = id; i > id - 200; i--) {
    const row = live.window.row(i);
    if (!row) return null;
    const time = row.block.kind === 'lines' ? timeOf(plain(lineText(row.block, row.index)), live.window.zones[row.block.part]) : null;
    if (time !== null) return time;
  }
  return null;
}
