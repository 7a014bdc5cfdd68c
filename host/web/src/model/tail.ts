// The newest lines, kept aside while the window shows another stretch of the log and cannot grow to them any more.

import type { Chunk, Item } from '../stream/items';
import { formatPosition, parsePosition } from '../stream/position';

export class Tail {
  items: Item[] = [];
  lines = 0;
  private chars = 0;
  /** Nothing has been let go: the items go on right where the window ends. */
  complete = true;
  /** By log, up to where lines have been let go, or were never kept. */
  readonly lost = new Map<number, string>();

  constructor(private readonly limit = 5_000, private readonly charLimit = 4 << 20) {}

  clear(complete: boolean): void {
    this.items = [];
    this.lines = this.chars = 0;
    this.complete = complete;
    this.lost.clear();
  }

  push(items: Item[]): void {
    for (const item of items) {
      this.items.push(item);
      this.count(item, 1);
    }
    let n = 0;
    while (n < this.items.length - 1 && (this.lines > this.limit || this.chars > this.charLimit)) {
      const item = this.items[n++];
      this.count(item, -1);
      if (item.k === 'lines' && !item.late) this.lost.set(item.part ?? 0, item.end);
    }
    if (n > 0) {
      this.items.splice(0, n);
      this.complete = false;
    }
  }

  /** The position of the first line; empty if there is none. */
  get start(): string {
    const first = this.items.find((i): i is Chunk => i.k === 'lines' && !i.late);
    return first ? formatPosition(first.gen, first.offs[0]) : '';
  }

  /** Reports whether a position lies in or behind what is kept, so that nothing is missing between the two. */
  reachedBy(position: string): boolean {
    if (this.complete) return true;
    const p = parsePosition(position);
    const s = parsePosition(this.start);
    if (p === null || s === null) return false;
    if (p.gen === s.gen) return p.off >= s.off;
    return this.items.some((i) => i.k === 'lines' && !i.late && i.gen === p.gen);
  }

  private count(item: Item, sign: number): void {
    if (item.k !== 'lines') return;
    this.lines += sign * item.starts.length;
    this.chars += sign * item.text.length;
  }
}

/** What of the items lies after a position, so that joining two stretches shows every line once. */
export function after(items: Item[], position: string): Item[] {
  const p = parsePosition(position);
  if (p === null) return items;
  let from = 0;
  items.forEach((item, i) => {
    // Everything before a chunk that the position lies in or behind has been covered.
    if (item.k === 'lines' && !item.late && item.gen === p.gen && item.offs[0] < p.off) from = i;
  });
  const rest: Item[] = [];
  for (let i = from; i < items.length; i++) {
    const item = items[i];
    if (item.k === 'mark') {
      const to = markEnd(item.body);
      if (to !== null && to.gen === p.gen && to.off <= p.off) continue;
      rest.push(item);
      continue;
    }
    if (item.late || item.gen !== p.gen || item.offs[0] >= p.off) {
      rest.push(item);
      continue;
    }
    const first = item.offs.findIndex((off) => off >= p.off);
    if (first < 0) continue;
    rest.push({ ...item, starts: item.starts.slice(first), offs: item.offs.slice(first), levels: item.levels.slice(first) });
  }
  return rest;
}

/** The position after the last of the items; empty if they have none. */
export function endOf(items: Item[]): string {
  for (let i = items.length - 1; i >= 0; i--) {
    const item = items[i];
    if (item.k === 'lines') {
      if (!item.late) return item.end;
    } else {
      const to = 'to' in item.body ? item.body.to : 'before' in item.body ? item.body.before : '';
      if (to) return to;
    }
  }
  return '';
}

function markEnd(body: { t: string; to?: string; before?: string }): { gen: string; off: number } | null {
  if (body.t === 'boundary' || body.t === 'truncated') return parsePosition(body.to ?? '');
  if (body.t === 'gap') return parsePosition(body.before ?? '');
  return null;
}
