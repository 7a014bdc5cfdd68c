// A search through all of the log's history, by the server: what it has found, and how far it has got.

import { signal } from '@preact/signals';
import type { FoundMessage, Match, ScanMessage } from '../stream/protocol';
import { literal } from '../text/fields';

/** Hits that are fetched at a time. */
const AT_A_TIME = 200;
/** Most hits that are listed: one looks for more with a narrower word. */
export const MOST_LISTED = 2000;

export type SearchState = 'idle' | 'running' | 'paused' | 'done' | 'failed';

/** The server's pattern for what is typed: words as they stand, whatever the letter case, or a regular expression between slashes. */
export function patternFor(typed: string): string {
  const re = /^\/(.+)\/(i?)$/.exec(typed);
  if (re) return re[2] ? `(?i)${re[1]}` : re[1];
  return `(?i)${literal(typed)}`;
}

export class HistorySearch {
  readonly open = signal(false);
  readonly typed = signal('');
  readonly state = signal<SearchState>('idle');
  readonly hits = signal<Match[]>([]);
  readonly chosen = signal(-1);
  /** Time of the line that has been looked at last, in ms; null if unknown. */
  readonly reached = signal<number | null>(null);
  readonly scanned = signal(0);
  readonly left = signal(0);
  readonly skipped = signal(0);
  readonly problem = signal('');
  private id = 0;
  private at = '';
  private before = 0;
  private fresh = 0;

  constructor(private readonly nextId: () => number, private readonly ask: (m: ScanMessage) => void, private readonly cancel: (id: number) => void) {}

  /** Looks for what is typed, from the newest line back. */
  start(typed: string): void {
    this.stop();
    this.typed.value = typed;
    this.hits.value = [];
    this.chosen.value = -1;
    this.reached.value = null;
    this.scanned.value = this.left.value = this.skipped.value = this.before = 0;
    this.problem.value = '';
    this.at = '';
    this.open.value = true;
    if (typed === '') this.state.value = 'idle';
    else this.more();
  }

  /** Goes on looking where it stopped. */
  more(): void {
    if (this.id !== 0 || this.typed.peek() === '') return;
    this.id = this.nextId();
    this.fresh = 0;
    this.before = this.scanned.peek();
    this.state.value = 'running';
    this.ask({ t: 'search', id: this.id, backward: true, matches: AT_A_TIME, include: [patternFor(this.typed.peek())], ...(this.at ? { at: this.at } : {}) });
  }

  stop(): void {
    if (this.id === 0) return;
    this.cancel(this.id);
    this.id = 0;
    this.state.value = 'paused';
  }

  close(): void {
    this.stop();
    this.open.value = false;
  }

  found(m: FoundMessage): boolean {
    if (m.id !== this.id) return false;
    if (m.at) this.at = m.at;
    if (m.matches.length) {
      const chosen = this.hits.peek()[this.chosen.peek()];
      const hits = [...this.hits.peek(), ...m.matches];
      // Those of several logs come log by log; one without a time stays behind the one before it.
      if (m.matches[0].part !== undefined) byTime(hits);
      this.hits.value = hits;
      if (chosen) this.chosen.value = hits.indexOf(chosen);
    }
    this.fresh += m.matches.length;
    if (m.time_ms !== null) this.reached.value = m.time_ms;
    this.scanned.value = this.before + m.scanned;
    this.left.value = m.left;
    this.skipped.value = Math.max(this.skipped.peek(), m.skipped);
    if (!m.end) return true;
    this.id = 0;
    // A stretch without a hit is no reason to stop; a page full of them is.
    if (m.end === 'all') this.state.value = 'done';
    else if (m.end === 'limit' && this.fresh === 0) this.more();
    else this.state.value = 'paused';
    return true;
  }

  failed(id: number, code: string, message: string): boolean {
    if (id !== this.id) return false;
    this.id = 0;
    this.state.value = code === 'disconnected' || code === 'cancelled' ? 'paused' : 'failed';
    this.problem.value = code === 'disconnected' || code === 'cancelled' ? '' : message || code;
    return true;
  }
}

function byTime(hits: Match[]): void {
  let last = Infinity;
  const times = new Map(hits.map((hit) => [hit, (last = hit.time_ms ?? last)]));
  hits.sort((a, b) => times.get(b)! - times.get(a)!);
}
