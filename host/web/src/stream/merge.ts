// Several logs as one stream, in the order of the times that their lines say of themselves. Live lines wait a moment for slower logs, so that
// what was written at the same time comes in order; what comes later than that comes where it is, at the end. History is merged page by
// page: each log is asked for what it has before a time, and only what no log can add anything to is shown.

import { timeOf } from '../text/time';
import type { Batch, Beat, Chunk, FromWorker, Item, Page, Stats, StreamState } from './items';
import { formatPosition } from './position';

/** How long a line waits for older ones of other logs, in ms. */
export const REORDER = 500;

/** One of the logs, as far as merging needs it. */
export interface Part {
  read(id: number, at: string | number, backward: boolean, lines: number): void;
  ack(): void;
}

/** One line, or one mark, on its way. */
interface Single {
  part: number;
  time: number;
  arrived: number;
  item: Item;
}

interface Paging {
  id: number;
  /** Answers by log; null while one is missing. */
  pages: (Page | null)[];
  before: number;
  at: string;
}

export class Merger {
  private readonly waiting: Single[] = [];
  private readonly lastTimes: number[];
  private readonly states: (StreamState | null)[];
  private readonly stats: (Stats | null)[];
  private readonly partOf = new Map<string, number>();
  private readonly times = new Map<string, number>();
  private paging: Paging | null = null;
  private locating: { id: number; part: number; at: string; lines: number } | null = null;
  private readonly expected: (number | undefined)[];
  private readonly taken: number[];
  private ready = true;
  private started = false;
  /** How many lines each log was asked to begin with. */
  lines = 1000;
  private nextId = 1;

  constructor(private readonly parts: readonly Part[], private readonly send: (m: FromWorker) => void, private readonly now: () => number) {
    this.lastTimes = parts.map(() => 0);
    this.states = parts.map(() => null);
    this.stats = parts.map(() => null);
    this.expected = parts.map(() => undefined);
    this.taken = parts.map(() => 0);
  }

  /** Takes what one of the logs says. */
  receive(part: number, m: FromWorker): void {
    switch (m.k) {
      case 'batch':
        this.take(part, m.batch);
        this.parts[part].ack();
        break;
      case 'state':
        this.states[part] = m.state;
        this.tellState();
        break;
      case 'beat':
        this.send({ k: 'beat', beat: m.beat satisfies Beat });
        break;
      case 'stats':
        this.stats[part] = m.stats;
        // What was counted may still be on its way: the beginning is complete when it has come.
        if (m.stats.caughtUp) this.expected[part] ??= m.stats.lines;
        this.tellStats();
        break;
      case 'page':
        this.onPage(part, m.page);
        break;
      case 'failed':
        this.onFailed(m.id, m.code);
        break;
      default:
        break; // filters are confirmed by who asked for them
    }
    this.flush();
  }

  /** The last batch has been shown. */
  ack(): void {
    this.ready = true;
    this.flush();
  }

  /** Hands on what has waited long enough. Call it now and then. */
  flush(): void {
    if (!this.ready || this.waiting.length === 0) return;
    // At first, until every log has told what it has.
    if (!this.started) {
      if (this.expected.some((n, i) => (n === undefined || this.taken[i] < n) && this.states[i]?.phase !== 'refused')) return;
      this.begin();
    }
    const due = this.now() - REORDER;
    this.waiting.sort((a, b) => a.time - b.time);
    // Up to the last line that has waited long enough: all that is older goes with it.
    let n = this.waiting.length;
    while (n > 0 && this.waiting[n - 1].arrived > due) n--;
    const out = this.waiting.slice(0, n);
    const rest = this.waiting.slice(n);
    if (out.length === 0) return;
    this.waiting.length = 0;
    this.waiting.push(...rest);
    const items: Item[] = [];
    for (const s of out) push(items, s.item);
    this.note(out);
    this.ready = false;
    this.send({ k: 'batch', batch: { items } });
  }

  // The logs begin at different times with the last lines that were asked for. What is older than the first line of a log that has more is
  // not complete: it is left to the pages of history.
  private begin(): void {
    this.started = true;
    let horizon = -Infinity;
    this.parts.forEach((_, part) => {
      const own = this.waiting.filter((s) => s.part === part && s.item.k === 'lines');
      if (own.length >= this.lines) horizon = Math.max(horizon, own.reduce((min, s) => Math.min(min, s.time), Infinity));
    });
    const kept = this.waiting.filter((s) => s.time > horizon);
    if (kept.length === 0) return;
    this.waiting.length = 0;
    this.waiting.push(...kept);
  }

  /** Forgets what has not been handed on, and returns a position that stands for now: history is read from there. */
  restart(): string {
    this.waiting.length = 0;
    this.paging = this.locating = null;
    const now = this.now();
    const at = formatPosition('now', now);
    this.times.set(at, now + 60_000);
    return at;
  }

  /** Reads what comes before the first line that is shown. What comes after is only ever live. */
  read(id: number, at: string, backward: boolean, lines: number): void {
    if (!backward) {
      this.send({ k: 'failed', id, code: 'unsupported', message: '' });
      return;
    }
    const time = this.times.get(at);
    if (time !== undefined) {
      this.page(id, at, time, lines);
      return;
    }
    // The beginning of what is shown has been let go: the line there says when it was.
    const part = this.partOf.get(at.slice(0, at.indexOf('.')));
    if (part === undefined) {
      this.send({ k: 'failed', id, code: 'unsupported', message: '' });
      return;
    }
    this.locating = { id, part, at, lines };
    this.parts[part].read(this.nextId++, at, false, 1);
  }

  private page(id: number, at: string, before: number, lines: number): void {
    this.paging = { id, at, before, pages: this.parts.map(() => null) };
    this.parts.forEach((p, i) => {
      if (this.states[i]?.phase === 'open') p.read(this.nextId++, before, true, lines);
      else this.paging!.pages[i] = { id: 0, items: [], start: '', end: '', atBeginning: true, atEnd: true };
    });
    this.merge();
  }

  private onPage(part: number, page: Page): void {
    if (this.locating?.part === part) {
      const { id, at, lines } = this.locating;
      this.locating = null;
      const first = page.items.find((i): i is Chunk => i.k === 'lines');
      const time = first ? timeOf(textOf(first, 0)) : null;
      if (time === null) this.send({ k: 'failed', id, code: 'unsupported', message: '' });
      else this.page(id, at, time, lines);
      return;
    }
    if (!this.paging || this.paging.pages[part]) return;
    this.paging.pages[part] = page;
    this.merge();
  }

  private onFailed(id: number, code: string): void {
    void id;
    const waiting = this.paging?.id ?? this.locating?.id;
    this.paging = this.locating = null;
    if (waiting !== undefined) this.send({ k: 'failed', id: waiting, code, message: '' });
  }

  // All logs have answered: what is not older than the oldest line of any log that has more is complete.
  private merge(): void {
    const p = this.paging;
    if (!p || p.pages.some((page) => page === null)) return;
    this.paging = null;
    let horizon = -Infinity;
    let singles: Single[] = [];
    p.pages.forEach((page, part) => {
      const own = this.split(part, page!.items, p.before).filter((s) => s.time < p.before);
      if (!page!.atBeginning && own.length > 0) horizon = Math.max(horizon, own[0].time);
      singles.push(...own);
    });
    const atBeginning = p.pages.every((page) => page!.atBeginning);
    singles.sort((a, b) => a.time - b.time);
    // Lines of the very time at which a page was cut may be incomplete; unless there is nothing else, they come with the next page.
    const complete = singles.filter((s) => s.time > horizon);
    const kept = complete.length > 0 ? complete : singles.filter((s) => s.time >= horizon);
    singles = kept;
    const items: Item[] = [];
    for (const s of singles) push(items, s.item);
    this.note(singles);
    const first = items.find((i): i is Chunk => i.k === 'lines');
    const start = first ? formatPosition(first.gen, first.offs[0]) : p.at;
    if (first) this.times.set(start, singles.find((s) => s.item.k === 'lines')!.time);
    this.send({ k: 'page', page: { id: p.id, items, start, end: p.at, atBeginning, atEnd: false } });
  }

  private take(part: number, batch: Batch): void {
    const arrived = this.now();
    this.taken[part] += batch.items.reduce((n, i) => n + (i.k === 'lines' ? i.starts.length : 0), batch.hole?.lines ?? 0);
    for (const s of this.split(part, batch.items, this.lastTimes[part] || arrived)) this.waiting.push({ ...s, arrived });
  }

  // Lines by themselves, each with its time; one without has that of the line before.
  private split(part: number, items: Item[], without: number): Single[] {
    const out: Single[] = [];
    let last = this.lastTimes[part] || without;
    const firstTime = items.find((i): i is Chunk => i.k === 'lines');
    if (firstTime) last = timeOf(textOf(firstTime, 0)) ?? last;
    for (const item of items) {
      if (item.k === 'mark') {
        out.push({ part, time: last, arrived: 0, item: { ...item, part } });
        continue;
      }
      this.partOf.set(item.gen, part);
      for (let i = 0; i < item.starts.length; i++) {
        const text = textOf(item, i);
        last = timeOf(text) ?? last;
        out.push({
          part, time: last, arrived: 0,
          item: { ...item, part, text, starts: Uint32Array.of(0), offs: item.offs.slice(i, i + 1), levels: item.levels.slice(i, i + 1), end: i + 1 < item.starts.length ? formatPosition(item.gen, item.offs[i + 1]) : item.end },
        });
      }
    }
    if (out.length > 0) this.lastTimes[part] = Math.max(this.lastTimes[part], last);
    return out;
  }

  // Remembers when the first line of what was handed on was, for the page before it.
  private note(singles: Single[]): void {
    const first = singles.find((s) => s.item.k === 'lines');
    if (!first || first.item.k !== 'lines') return;
    this.times.set(formatPosition(first.item.gen, first.item.offs[0]), first.time);
    if (this.times.size > 1000) this.times.delete(this.times.keys().next().value!);
  }

  private tellState(): void {
    const known = this.states.filter((s) => s !== null);
    if (known.length === 0) return;
    // The worst that one of them has is what there is to say about all.
    const order = ['refused', 'ended', 'waiting', 'connecting', 'open'];
    const worst = known.reduce((a, b) => (order.indexOf(b.phase) < order.indexOf(a.phase) ? b : a));
    const phase = known.some((s) => s.phase === 'open') && (worst.phase === 'refused' || worst.phase === 'ended') ? 'open' : worst.phase;
    // What needs one place in one log cannot be asked of several.
    this.send({ k: 'state', state: { ...worst, phase, capabilities: worst.capabilities.filter((c) => c !== 'scan') } });
  }

  private tellStats(): void {
    const known = this.stats.filter((s) => s !== null);
    const sum = (of: (s: Stats) => number) => known.reduce((n, s) => n + of(s), 0);
    this.send({
      k: 'stats',
      stats: {
        lines: sum((s) => s.lines), bytes: sum((s) => s.bytes), gaps: sum((s) => s.gaps), perSecond: sum((s) => s.perSecond),
        lastLineAt: Math.max(0, ...known.map((s) => s.lastLineAt)), lastHeardAt: Math.min(...known.map((s) => s.lastHeardAt)), caughtUp: known.every((s) => s.caughtUp),
      },
    });
  }
}

function textOf(chunk: Chunk, i: number): string {
  return chunk.text.slice(chunk.starts[i], i + 1 < chunk.starts.length ? chunk.starts[i + 1] : chunk.text.length);
}

// Lines of one log that follow each other share a chunk.
function push(items: Item[], item: Item): void {
  const last = items[items.length - 1];
  if (item.k !== 'lines' || last?.k !== 'lines' || last.part !== item.part || last.gen !== item.gen || last.late !== item.late || last.piece || item.piece || item.offs[0] <= last.offs[last.offs.length - 1]) {
    items.push(item);
    return;
  }
  const starts = new Uint32Array(last.starts.length + 1);
  starts.set(last.starts);
  starts[last.starts.length] = last.text.length;
  const offs = new Float64Array(last.offs.length + 1);
  offs.set(last.offs);
  offs[last.offs.length] = item.offs[0];
  const levels = new Uint8Array(last.levels.length + 1);
  levels.set(last.levels);
  levels[last.levels.length] = item.levels[0];
  items[items.length - 1] = { ...last, text: last.text + item.text, starts, offs, levels, end: item.end };
}
