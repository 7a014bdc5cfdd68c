// How many lines each pattern of the filter lets pass or keeps away: what is kept away never comes here, so the server counts it.

import { signal } from '@preact/signals';
import { Tally } from '../model/tally';
import type { Place } from '../stream/mergepages';
import type { CountedMessage } from '../stream/protocol';
import type { Live } from './live';

/** Seconds between two counts of what is new. */
const EVERY = 2;

export class ChipCounts {
  /** By pattern: lines, and whether there are more. */
  readonly found = signal<ReadonlyMap<string, { lines: number; more: boolean }>>(new Map());
  /** The time of the first line that is counted, in ms; null if it has none. */
  since: number | null = null;
  private readonly tallies = new Map<string, Tally>();
  private base = '';
  /** The same in each of several logs. */
  private places: Place[] | null = null;
  private ticks = 0;

  constructor(private readonly live: Live, private readonly nextId: () => number) {}

  /** Called every second. Counting begins with the oldest line that was loaded first. */
  tick(): void {
    const { live } = this;
    if (!live.canScan || document.hidden || live.state.peek().phase !== 'open') return;
    if (this.base === '' && live.settled) this.begin();
    const { include, exclude } = live.view.peek();
    const wanted = new Set([...include, ...exclude]);
    for (const [pattern, tally] of this.tallies) {
      if (wanted.has(pattern)) continue;
      tally.stop();
      this.tallies.delete(pattern);
    }
    if (this.base === '') return;
    const due = this.ticks++ % EVERY === 0;
    for (const pattern of wanted) {
      const tally = this.tallies.get(pattern);
      if (tally === undefined) this.start(pattern);
      else if (due && tally.state === 'all') tally.more();
    }
    this.tell();
  }

  counted(m: CountedMessage): boolean {
    for (const tally of this.tallies.values()) {
      if (!tally.counted(m)) continue;
      this.tell();
      return true;
    }
    return false;
  }

  failed(id: number, code: string): boolean {
    return [...this.tallies.values()].some((tally) => tally.failed(id, code));
  }

  private begin(): void {
    const { window } = this.live;
    this.base = window.start;
    this.places = this.live.merged?.places(this.base) ?? null;
    const first = window.blocks.find((b) => b.kind === 'lines');
    this.since = first?.kind === 'lines' ? window.time(first, 0) : null;
  }

  private start(pattern: string): void {
    const { stream } = this.live;
    const tally = new Tally(this.nextId, (id, bucket, range) => stream.scan({ t: 'count', id, bucket_ms: bucket, ...range }), (id) => stream.cancel(id));
    this.tallies.set(pattern, tally);
    tally.start(this.places && this.live.merged ? this.live.merged.name(this.places) : this.base, { include: [pattern] });
  }

  private tell(): void {
    const now = new Map([...this.tallies].filter(([, t]) => t.state !== '' && !(t.state === 'counting' && t.lines === 0)).map(([p, t]) => [p, { lines: t.lines, more: t.state === 'stopped' }]));
    const before = this.found.peek();
    if (now.size === before.size && [...now].every(([p, n]) => before.get(p)?.lines === n.lines && before.get(p)?.more === n.more)) return;
    this.found.value = now;
  }
}
