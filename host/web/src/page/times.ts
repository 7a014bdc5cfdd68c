// A log by time: the counts of the timeline, and going to a time.

import { signal } from '@preact/signals';
import { Counts, spanFor, type Range } from '../model/counts';
import type { CountedMessage } from '../stream/protocol';
import type { Live } from './live';
import * as prefs from './prefs';

export class Times {
  readonly counts: Counts;
  /** Goes up whenever the counts have changed. */
  readonly changed = signal(0);
  /** Counting has begun. */
  begun = false;
  private chosen = false;
  private going = 0;
  private selecting = false;

  constructor(private readonly live: Live, private readonly nextId: () => number) {
    this.counts = new Counts(nextId, (id, bucket, range) => live.stream.scan({ t: 'count', id, bucket_ms: bucket, ...range }), (id) => live.stream.cancel(id));
  }

  /** Shows the log from a time on: ms since the epoch. select says that the first line is selected. */
  go(time: number, select = false): void {
    this.selecting = select;
    if (this.live.state.peek().phase !== 'open') return;
    this.going = this.nextId();
    this.live.stream.read(this.going, time, false, 1);
  }

  /** Shows the newest so many ms in the timeline. */
  show(span: number): void {
    this.chosen = true;
    this.counts.show(span);
    this.changed.value++;
  }

  /** Shows a stretch of time in the timeline, and the log from its beginning on. */
  brush(range: Range): void {
    this.chosen = true;
    this.counts.zoom(range);
    this.changed.value++;
    this.go(range.from);
  }

  further(): void {
    this.counts.further();
    this.changed.value++;
  }

  /** Called every second. Counting begins at the end of what has been received, once everything there was has been. */
  tick(): void {
    const live = this.live;
    if (!live.canScan || !prefs.timeline.peek() || document.hidden || live.state.peek().phase !== 'open') return;
    if (this.begun) {
      this.counts.news();
      return;
    }
    const at = live.window.end || live.window.start;
    if (!live.settled || at === '') return;
    // Unless somebody has chosen it, the length that is shown is about that of what is loaded.
    const first = this.timeAtEdge(false);
    const last = this.timeAtEdge(true);
    if (!this.chosen && first !== null && last !== null && last > first) this.counts.span = spanFor((last - first) * 1.5);
    this.begin(at);
  }

  /** Counts anew, from a position in both directions, what passes the filter. */
  refilter(at: string): void {
    if (this.begun) this.begin(at);
  }

  counted(m: CountedMessage): boolean {
    if (!this.counts.counted(m)) return false;
    this.changed.value++;
    return true;
  }

  /** Takes the answer about a time; false if it is none. */
  page(id: number, start: string): boolean {
    if (id !== this.going) return false;
    this.going = 0;
    this.live.jumpFailed.value = false;
    this.live.select(null);
    this.live.places.jump(start, this.selecting);
    return true;
  }

  failed(id: number, code: string): boolean {
    if (this.counts.failed(id, code)) {
      this.changed.value++;
      return true;
    }
    if (id !== this.going) return false;
    this.going = 0;
    if (code !== 'disconnected') this.live.jumpFailed.value = true;
    return true;
  }

  private begin(at: string): void {
    this.begun = true;
    this.counts.begin(this.live.merged?.fix(at) ?? at, this.live.view.value.include, this.live.view.value.exclude);
    this.changed.value++;
  }

  /** The time of the first line that has one, from the first or the last row on. */
  private timeAtEdge(last: boolean): number | null {
    const blocks = this.live.window.blocks;
    for (let i = 0; i < Math.min(blocks.length, 20); i++) {
      const b = blocks[last ? blocks.length - 1 - i : i];
      if (b.kind !== 'lines') continue;
      for (let k = 0; k < Math.min(b.n, 50); k++) {
        const time = this.live.window.time(b, last ? b.n - 1 - k : k);
        if (time !== null) return time;
      }
    }
    return null;
  }
}
