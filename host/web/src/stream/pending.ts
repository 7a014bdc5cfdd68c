// What has arrived and the page has not taken yet. Bounded: the log itself is the buffer, so the oldest may be let go as long as the
// hole is known and can be read again.

import { formatPosition } from './position';
import type { Batch, Hole, Item } from './items';

export interface PendingLimits {
  lines: number;
  chars: number;
}

export class Pending {
  private items: Item[] = [];
  private hole: Hole | null = null;
  private chars = 0;
  private at = '';
  lines = 0;

  constructor(private readonly limits: PendingLimits = { lines: 40_000, chars: 12 << 20 }) {}

  get empty(): boolean {
    return this.items.length === 0 && this.hole === null && this.at === '';
  }

  push(item: Item): void {
    this.items.push(item);
    if (item.k !== 'lines') return;
    this.lines += item.starts.length;
    this.chars += item.text.length;
    if (this.lines > this.limits.lines || this.chars > this.limits.chars) this.letGo();
  }

  /** Notes where the end of the log is. A page without a single line has no other place to read back from. */
  caughtUp(at: string): void {
    this.at = at;
  }

  take(): Batch {
    const batch: Batch = { items: this.items };
    if (this.hole) batch.hole = this.hole;
    if (this.at) batch.at = this.at;
    this.clear();
    return batch;
  }

  clear(): void {
    this.items = [];
    this.hole = null;
    this.lines = 0;
    this.chars = 0;
    this.at = '';
  }

  // Half of it goes at once, so that the cost of letting go is spread over many arrivals.
  private letGo(): void {
    let n = 0;
    while (n < this.items.length - 1 && (this.lines > this.limits.lines / 2 || this.chars > this.limits.chars / 2)) {
      const item = this.items[n++];
      if (item.k !== 'lines') continue;
      this.lines -= item.starts.length;
      this.chars -= item.text.length;
      const from = formatPosition(item.gen, item.offs[0]);
      this.hole = { lines: (this.hole?.lines ?? 0) + item.starts.length, from: this.hole?.from ?? from, to: item.end };
    }
    this.items = this.items.slice(n);
  }
}
