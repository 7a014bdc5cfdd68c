// Several logs as one stream, in the order of the times that their lines say of themselves. Live lines wait a moment for slower logs, so that
// what was written at the same time comes in order; what comes later than that comes where it is, at the end. mergepages.ts does the same
// for history.

import { linesOf, type Batch, type Beat, type FromWorker, type Stats, type StreamState } from './items';
import { MergedPages, join, split, type Edges, type Part, type Place, type Single } from './mergepages';
import { formatPosition } from './position';

export type { Part } from './mergepages';

/** How long a line waits for older ones of other logs, in ms. */
export const REORDER = 500;

/** Lines of one log that wait at most; then it is asked for no more until they are shown, and lets go what is too much on its side. */
const MOST_WAITING = 20_000;

interface Waiting extends Single {
  arrived: number;
}

export class Merger {
  readonly pages: MergedPages;
  private waiting: Waiting[] = [];
  /** By log, the end of what has come. */
  private readonly ends: string[];
  /** The same of what has been shown, and of the batch that is on its way to that. */
  private shown: string[];
  private showing: string[] | null = null;
  private readonly lastTimes: number[];
  private readonly states: (StreamState | null)[];
  private readonly stats: (Stats | null)[];
  private readonly expected: (number | undefined)[];
  private readonly taken: number[];
  /** Lines that a log has let go on the way here, since the last batch. */
  private hole = 0;
  private ready = true;
  private started = false;
  /** Logs that are to be asked for more when there is room. */
  private readonly owed = new Set<number>();
  /** How many lines each log was asked to begin with. */
  lines = 1000;

  constructor(private readonly parts: readonly Part[], private readonly send: (m: FromWorker) => void, private readonly now: () => number, edges: (at: string) => Edges | null) {
    this.ends = parts.map(() => '');
    this.shown = [...this.ends];
    this.pages = new MergedPages(parts, send, (part) => this.open(part), edges, (part) => this.end(part), (part) => this.zone(part));
    this.lastTimes = parts.map(() => -Infinity);
    this.states = parts.map(() => null);
    this.stats = parts.map(() => null);
    this.expected = parts.map(() => undefined);
    this.taken = parts.map(() => 0);
  }

  /** The end of what has been shown of a log, or was left to history at the beginning. */
  end(part: number): string {
    return this.shown[part];
  }

  private zone(part: number): string {
    return this.states[part]?.zones[0] ?? '';
  }

  open(part: number): boolean {
    return this.states[part]?.phase === 'open';
  }

  /** Takes what one of the logs says. */
  receive(part: number, m: FromWorker): void {
    switch (m.k) {
      case 'batch':
        this.take(part, m.batch);
        this.owed.add(part);
        this.more();
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
        this.pages.page(m.page);
        break;
      case 'failed':
        this.pages.failed(m.id, m.code);
        break;
      default:
        break; // filters and searches are confirmed by who asked for them
    }
    this.flush();
  }

  /** The last batch has been shown. */
  ack(): void {
    this.shown = this.showing ?? this.shown;
    this.showing = null;
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
    if (n === 0) return;
    const batch: Batch = { items: join(this.waiting.slice(0, n)) };
    // What was let go lies in the logs, before all that waits.
    if (this.hole > 0) {
      const to = this.pages.name(this.parts.map((_, part) => this.firstWaiting(part) || this.ends[part] || this.now()));
      batch.hole = { lines: this.hole, from: '', to };
      this.hole = 0;
    }
    this.waiting = this.waiting.slice(n);
    this.showing = this.ends.map((end, part) => this.firstWaiting(part) || end);
    this.ready = false;
    this.send({ k: 'batch', batch });
    this.more();
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
    if (kept.length > 0) this.waiting = kept;
  }

  private more(): void {
    for (const part of this.owed) {
      // Before the beginning, each log has to tell all that it was asked for.
      if (this.started && this.waiting.reduce((n, s) => n + (s.part === part ? 1 : 0), 0) >= MOST_WAITING) continue;
      this.owed.delete(part);
      this.parts[part].ack();
    }
  }

  /** The logs are opened anew. */
  reset(): void {
    this.waiting = [];
    this.hole = 0;
    this.owed.clear();
    this.lastTimes.fill(-Infinity);
    this.pages.forget();
  }

  /** Forgets what has not been handed on, and returns a name for where each log is: history is read from there. */
  restart(ends: readonly string[]): string {
    this.waiting = [];
    this.hole = 0;
    this.pages.forget();
    ends.forEach((end, part) => (this.ends[part] = end || this.ends[part]));
    this.shown = [...this.ends];
    this.showing = null;
    this.more();
    return this.pages.name(this.ends.map((end): Place => end || this.now() + 60_000));
  }

  read(id: number, at: Place, backward: boolean, lines: number): void {
    this.pages.read(id, at, backward, lines);
  }

  private firstWaiting(part: number): string {
    const first = this.waiting.find((s) => s.part === part && s.item.k === 'lines' && !s.item.late);
    return first?.item.k === 'lines' ? formatPosition(first.item.gen, first.item.offs[0]) : '';
  }

  private take(part: number, batch: Batch): void {
    const arrived = this.now();
    if (batch.hole) {
      // What waits of this log lies before the hole: it goes with it.
      const before = this.waiting.length;
      this.waiting = this.waiting.filter((s) => s.part !== part);
      this.hole += batch.hole.lines + before - this.waiting.length;
    }
    this.taken[part] += linesOf(batch.items) + (batch.hole?.lines ?? 0);
    if (batch.hole?.to) this.ends[part] = batch.hole.to;
    if (batch.at) this.ends[part] = batch.at;
    for (const s of split(part, batch.items, arrived, this.zone(part), this.lastTimes[part])) {
      this.waiting.push({ ...s, arrived });
      this.lastTimes[part] = s.time;
      if (s.item.k === 'lines' && !s.item.late) this.ends[part] = s.item.end;
    }
  }

  private tellState(): void {
    const known = this.states.filter((s) => s !== null);
    if (known.length === 0) return;
    // The worst that one of them has is what there is to say about all.
    const order = ['refused', 'ended', 'waiting', 'connecting', 'open'];
    const worst = known.reduce((a, b) => (order.indexOf(b.phase) < order.indexOf(a.phase) ? b : a));
    const all = known.length === this.parts.length;
    const phase = !all ? 'connecting' : known.some((s) => s.phase === 'open') && (worst.phase === 'refused' || worst.phase === 'ended') ? 'open' : worst.phase;
    // What one of them cannot do cannot be asked of all.
    const open = known.filter((s) => s.phase === 'open');
    this.send({ k: 'state', state: { ...worst, phase, zones: this.parts.map((_, part) => this.zone(part)), capabilities: open.length > 0 ? open[0].capabilities.filter((c) => open.every((s) => s.capabilities.includes(c))) : worst.capabilities } });
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
