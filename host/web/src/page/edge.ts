// What stands at the left edge of each line, if anything is wanted there: its number, its time, or how long after the line before it was
// written. A number is the line's in all of the log, which the server counts; where that cannot be, its byte in its file.

import type { Row } from '../model/window';
import { Tally } from '../model/tally';
import type { CountedMessage } from '../stream/protocol';
import { duration } from '../i18n/text';
import type { Live } from './live';
import * as prefs from './prefs';

/** Character cells that each takes. */
export const EDGE_CELLS: Record<prefs.Edge, number> = { none: 0, number: 9, time: 12, delta: 8 };

export class Edge {
  /** The position of a held line, and its number; '' while none is known. */
  private anchor = { at: '', number: 0 };
  private asked = '';
  private readonly tally: Tally;

  constructor(private readonly live: Live, nextId: () => number) {
    this.tally = new Tally(nextId, (id, bucket, range) => live.stream.scan({ t: 'count', id, bucket_ms: bucket, ...range }), (id) => live.stream.cancel(id));
  }

  label(row: Row): string {
    if (row.block.kind !== 'lines' || row.block.piece) return '';
    switch (prefs.edge.peek()) {
      case 'time':
        return clock(this.time(row));
      case 'delta': {
        const before = this.live.window.before(row);
        const [a, b] = [before === null ? null : this.time(before), this.time(row)];
        return a === null || b === null ? '' : b < a ? `−${duration(a - b)}` : `+${duration(b - a)}`;
      }
      case 'number': {
        const n = this.number(row);
        return n === null ? `@${row.block.offs[row.index]}` : String(n);
      }
      default:
        return '';
    }
  }

  /** After each frame: a known number is carried along, an unknown one is asked for. */
  follow(first: Row | null): void {
    const { live } = this;
    if (prefs.edge.peek() !== 'number' || !live.canScan || live.filters.on || live.merged || first === null) return;
    const n = this.number(first);
    if (n !== null) {
      this.anchor = { at: live.window.position(first), number: n };
      return;
    }
    const { start } = live.window;
    if (start === '' || start === this.asked || live.state.peek().phase !== 'open') return;
    this.asked = start;
    this.tally.start(start, { backward: true });
  }

  counted(m: CountedMessage): boolean {
    if (!this.tally.counted(m)) return false;
    if (this.tally.state !== 'all') return true;
    // The first line from there on is the next after all that were counted.
    this.anchor = { at: this.asked, number: this.tally.lines + 1 };
    this.live.repaint();
    return true;
  }

  failed(id: number, code: string): boolean {
    if (!this.tally.failed(id, code)) return false;
    if (code === 'disconnected') this.asked = '';
    return true;
  }

  private time(row: Row): number | null {
    return row.block.kind === 'lines' ? this.live.window.time(row.block, row.index) : null;
  }

  private number(row: Row): number | null {
    const { window } = this.live;
    if (this.live.filters.on || this.live.merged || this.anchor.at === '' || row.block.kind !== 'lines' || row.block.late) return null;
    const from = window.find(this.anchor.at);
    if (from === null || from.block.kind !== 'lines' || window.position(from) !== this.anchor.at) return null;
    return this.anchor.number + this.ordinal(row) - this.ordinal(from);
  }

  // Lines before a row, of all that are held. Late ones have no place in the order, and pieces belong to the line before.
  private ordinal(row: Row): number {
    let n = row.index;
    for (const b of this.live.window.blocks) {
      if (b.id >= row.block.id) break;
      if (b.kind === 'lines' && !b.late && !b.piece) n += b.n;
    }
    return n;
  }
}

function clock(time: number | null): string {
  if (time === null) return '';
  const d = new Date(time);
  const two = (n: number) => String(n).padStart(2, '0');
  return `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}.${String(d.getMilliseconds()).padStart(3, '0')}`;
}
