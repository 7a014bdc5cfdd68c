// How many lines there are from a position on, in one direction, as the server counts them: part by part within a bound, and on with what is
// new when it is asked to.

import type { CountedMessage, ScanRange } from '../stream/protocol';

/** Bytes that one request looks through. */
const PART = 64 << 20;
/** One bucket for everything: only the sum is wanted. */
const ALL_TIME = 2 ** 46;

export type Ask = (id: number, bucketMs: number, range: ScanRange) => void;

export class Tally {
  lines = 0;
  /** all: everything in this direction has been counted; stopped: there is more than the bound allows, or it could not be counted. */
  state: '' | 'counting' | 'all' | 'stopped' = '';
  private id = 0;
  private at = '';
  private range: ScanRange = {};
  private left = 0;

  constructor(private readonly nextId: () => number, private readonly ask: Ask, private readonly cancel: (id: number) => void, private readonly bound = 256 << 20) {}

  /** Counts anew, from a position on. */
  start(at: string, range: ScanRange): void {
    this.stop();
    this.at = at;
    this.range = range;
    this.lines = 0;
    this.left = this.bound;
    this.more();
  }

  /** Goes on from where it has got; there may be something new. */
  more(): void {
    if (this.id !== 0 || this.at === '' || this.state === 'stopped') return;
    this.id = this.nextId();
    this.state = 'counting';
    this.ask(this.id, ALL_TIME, { ...this.range, at: this.at, bytes: Math.min(PART, this.left) });
  }

  stop(): void {
    if (this.id !== 0) this.cancel(this.id);
    this.id = 0;
    this.state = '';
    this.at = '';
  }

  counted(m: CountedMessage): boolean {
    if (m.id !== this.id) return false;
    for (const [, ...levels] of m.buckets) for (const n of levels) this.lines += n;
    if (m.at) this.at = m.at;
    if (!m.end) return true;
    this.id = 0;
    this.left -= m.scanned;
    // Part of it cannot be read: then nobody knows how many there are.
    if (m.skipped > 0) this.state = 'stopped';
    else if (m.end === 'all') {
      this.state = 'all';
      this.left = Math.max(this.left, PART); // what comes new may always be counted
    } else if (this.left > 0) this.more();
    else this.state = 'stopped';
    return true;
  }

  failed(id: number, code: string): boolean {
    if (id !== this.id) return false;
    this.id = 0;
    // After a lost connection it goes on from where it had got.
    this.state = code === 'disconnected' ? 'all' : 'stopped';
    return true;
  }
}
