// The stretch of the log that is held: rows in blocks, without holes other than the declared ones. Rows have ids that stay the same
// while lines come and go at both ends. Heights are counted in units of one text row.

import type { Chunk, Item, Mark } from '../stream/items';
import type { Text } from '../stream/packed';
import { formatPosition, parsePosition } from '../stream/position';
import { applyState } from './colours';
import type { Sgr } from '../text/ansi';
import { timeOf } from '../text/time';

export interface LineBlock {
  kind: 'lines';
  id: number;
  n: number;
  gen: string;
  late: boolean;
  piece: boolean;
  /** Which of several logs it is from. */
  part: number;
  text: Text;
  /** As they came, or numbers that grow. */
  starts: number[] | Uint32Array;
  offs: number[] | Float64Array;
  levels: number[] | Uint8Array;
  /** No escape sequence is in it. */
  plain: boolean;
  /** Colour state at the start of a line, where it is not plain. */
  states: Map<number, Sgr> | null;
  at: number;
  end: string;
  units: number[] | null;
  sum: number;
  top: number;
}

export interface MarkBlock {
  kind: 'mark';
  id: number;
  n: 1;
  mark: Mark;
  units: null;
  sum: number;
  top: number;
}

export type Block = LineBlock | MarkBlock;

export interface Row {
  id: number;
  block: Block;
  index: number;
  top: number;
  units: number;
}

/** Says how high rows are. */
export interface Measure {
  /** Units of a line; 0 hides it. before is the block of lines before, if it is held. */
  line(block: LineBlock, index: number, before: LineBlock | null): number;
  mark: number;
  /** All lines are one unit high, and none is hidden. */
  uniform: boolean;
}

const BLOCK_LINES = 256;
const BLOCK_CHARS = 64 << 10;

export class LogWindow {
  blocks: Block[] = [];
  /** The time zone of lines whose time names none, by log. */
  zones: readonly string[] = [];
  rows = 0;
  lines = 0;
  chars = 0;
  height = 0;
  /** The position before the first row and after the last; empty while nothing is known. */
  start = '';
  end = '';
  atBeginning = false;
  private state: Sgr | null = null;
  private measure: Measure = { line: () => 1, mark: 2, uniform: true };

  get firstId(): number {
    return this.blocks.length ? this.blocks[0].id : 0;
  }
  get lastId(): number {
    const last = this.blocks[this.blocks.length - 1];
    return last ? last.id + last.n - 1 : -1;
  }

  /** When a line was written, as far as it says so. */
  time(block: LineBlock, index: number): number | null {
    return timeOf(lineText(block, index), this.zones[block.part]);
  }

  clear(at = ''): void {
    this.blocks = [];
    this.rows = this.lines = this.chars = this.height = 0;
    this.start = this.end = at;
    this.atBeginning = false;
    this.state = null;
  }

  append(items: Item[]): void {
    for (const item of items) {
      const id = this.lastId + 1;
      if (item.k === 'mark') {
        this.state = null;
        if (this.start === '') this.start = startOf(item);
        this.add({ kind: 'mark', id, n: 1, mark: item, units: null, sum: 0, top: 0 });
        continue;
      }
      if (this.start === '') this.start = formatPosition(item.gen, item.offs[0]);
      if (!item.late) this.end = item.end;
      if (!this.merge(item)) {
        const block = toBlock(item, id);
        this.state = applyState(block, 0, this.state);
        this.add(block);
      }
    }
    this.retop();
  }

  /** Puts items before the first row. */
  prepend(items: Item[], start: string, atBeginning: boolean): void {
    const before = new LogWindow();
    before.measure = this.measure;
    before.append(items);
    if (before.rows > 0) {
      const shift = (this.blocks.length ? this.firstId : 0) - before.rows;
      for (const block of before.blocks) block.id += shift;
      this.blocks = before.blocks.concat(this.blocks);
      this.rows += before.rows;
      this.lines += before.lines;
      this.chars += before.chars;
    }
    if (start !== '') this.start = start;
    if (this.end === '') this.end = before.end;
    this.atBeginning = atBeginning;
    this.retop();
  }

  /** Drops whole blocks from the beginning while more than limit lines or chars are held; returns the height that went. */
  trimHead(limit: number, chars: number): number {
    let n = 0;
    let gone = 0;
    while (n < this.blocks.length - 1 && (this.lines > limit || this.chars > chars)) gone += this.forget(this.blocks[n++]);
    if (n === 0) return 0;
    // A mark that is first now would come again with the page before it.
    while (n < this.blocks.length - 1 && this.blocks[n].kind === 'mark') gone += this.forget(this.blocks[n++]);
    this.blocks.splice(0, n);
    const first = this.blocks.find((b): b is LineBlock => b.kind === 'lines' && !b.late);
    if (first) this.start = formatPosition(first.gen, first.offs[0]);
    this.atBeginning = false;
    this.retop();
    return gone;
  }

  /** Drops whole blocks from the end; says whether any went. */
  trimTail(limit: number, chars: number): boolean {
    const before = this.blocks.length;
    while (this.blocks.length > 1 && (this.lines > limit || this.chars > chars)) this.forget(this.blocks.pop()!);
    if (this.blocks.length === before) return false;
    while (this.blocks.length > 1 && this.blocks[this.blocks.length - 1].kind === 'mark') this.forget(this.blocks.pop()!);
    for (let i = this.blocks.length - 1; i >= 0; i--) {
      const b = this.blocks[i];
      if (b.kind === 'lines' && !b.late) {
        this.end = b.end;
        break;
      }
    }
    this.state = null;
    this.retop();
    return true;
  }

  setMeasure(measure: Measure): void {
    this.measure = measure;
    for (let i = 0; i < this.blocks.length; i++) this.size(this.blocks[i], 0, this.blocks[i - 1]);
    this.retop();
  }

  /** Corrects the height of a row after it has been painted; says whether it changed. Call retop when done. */
  setUnits(row: Row, units: number): boolean {
    const block = row.block;
    if (block.kind === 'mark' || row.units === units) return false;
    block.units ??= new Array<number>(block.n).fill(1);
    block.sum += units - block.units[row.index];
    block.units[row.index] = units;
    return true;
  }

  retop(): void {
    let top = 0;
    for (const block of this.blocks) {
      block.top = top;
      top += block.sum;
    }
    this.height = top;
  }

  /** The row at a height, or the nearest one. Null if there are no rows. */
  rowAtHeight(units: number): Row | null {
    const block = this.blockBy((b) => b.top <= units);
    if (!block) return null;
    if (block.units === null) {
      const index = Math.max(0, Math.min(block.n - 1, block.kind === 'mark' ? 0 : Math.floor(units - block.top)));
      return this.make(block, index, block.top + (block.kind === 'mark' ? 0 : index));
    }
    let top = block.top;
    let index = 0;
    while (index < block.n - 1 && top + block.units[index] <= units) top += block.units[index++];
    return this.make(block, index, top);
  }

  row(id: number): Row | null {
    const block = this.blockBy((b) => b.id <= id);
    if (!block || id < block.id || id >= block.id + block.n) return null;
    const index = id - block.id;
    let top = block.top;
    if (block.units === null) top += block.kind === 'mark' ? 0 : index;
    else for (let i = 0; i < index; i++) top += block.units[i];
    return this.make(block, index, top);
  }

  /** The row before this one. */
  before(row: Row): Row | null {
    return row.index > 0 ? this.row(row.id - 1) : row.id > this.firstId ? this.row(row.id - 1) : null;
  }

  /** The row after this one, without searching. */
  after(row: Row): Row | null {
    if (row.index + 1 < row.block.n) return this.make(row.block, row.index + 1, row.top + row.units);
    const at = this.indexOf(row.block);
    const next = this.blocks[at + 1];
    return next ? this.make(next, 0, next.top) : null;
  }

  text(row: Row): string {
    const b = row.block;
    if (b.kind === 'mark') return '';
    return lineText(b, row.index);
  }

  /** The address of a row; empty for a mark. */
  position(row: Row): string {
    return row.block.kind === 'lines' ? formatPosition(row.block.gen, row.block.offs[row.index]) : '';
  }

  /** The first row whose line starts at or after a position of a generation that is held. */
  find(position: string): Row | null {
    const p = parsePosition(position);
    if (!p) return null;
    for (const b of this.blocks) {
      if (b.kind !== 'lines' || b.gen !== p.gen || b.late) continue;
      let index = 0;
      while (index < b.n && b.offs[index] < p.off) index++;
      if (index < b.n) return this.row(b.id + index);
    }
    return null;
  }

  private make(block: Block, index: number, top: number): Row {
    const units = block.kind === 'mark' ? block.sum : block.units === null ? 1 : block.units[index];
    return { id: block.id + index, block, index, top, units };
  }

  // Binary search for the last block that satisfies a condition which holds for a beginning of the list.
  private blockBy(holds: (b: Block) => boolean): Block | undefined {
    let low = 0;
    let high = this.blocks.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (holds(this.blocks[middle])) low = middle + 1;
      else high = middle;
    }
    return this.blocks[Math.max(0, low - 1)];
  }

  private indexOf(block: Block): number {
    let low = 0;
    let high = this.blocks.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.blocks[middle].id < block.id) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  private add(block: Block): void {
    this.blocks.push(block);
    this.rows += block.n;
    if (block.kind === 'lines') {
      this.lines += block.n;
      this.chars += block.text.length;
    }
    this.size(block, 0, this.blocks[this.blocks.length - 2]);
  }

  // Lines that come one by one share a block, so that blocks stay few.
  private merge(chunk: Chunk): boolean {
    const last = this.blocks[this.blocks.length - 1];
    if (!last || last.kind !== 'lines' || last.gen !== chunk.gen || last.late !== chunk.late || last.part !== (chunk.part ?? 0) || last.piece || chunk.piece) return false;
    if (last.n + chunk.starts.length > BLOCK_LINES || last.text.length + chunk.text.length > BLOCK_CHARS) return false;
    if (chunk.offs[0] < last.offs[last.n - 1]) return false;
    const from = last.n;
    // A chunk may have lost its first lines; what is left of their text must not become part of the line before.
    const shift = last.text.length - chunk.starts[0];
    const text = String(chunk.text).slice(chunk.starts[0]);
    last.text = String(last.text) + text;
    last.plain &&= chunk.plain === true;
    const [starts, offs, levels] = [numbers(last.starts), numbers(last.offs), numbers(last.levels)];
    for (let i = 0; i < chunk.starts.length; i++) {
      starts.push(chunk.starts[i] + shift);
      offs.push(chunk.offs[i]);
      levels.push(chunk.levels[i]);
    }
    Object.assign(last, { starts, offs, levels, n: starts.length });
    last.end = chunk.end;
    this.state = applyState(last, from, this.state);
    this.rows += chunk.starts.length;
    this.lines += chunk.starts.length;
    this.chars += text.length;
    this.size(last, from, this.blocks[this.blocks.length - 2]);
    return true;
  }

  private forget(block: Block): number {
    this.rows -= block.n;
    if (block.kind === 'lines') {
      this.lines -= block.n;
      this.chars -= block.text.length;
    }
    return block.sum;
  }

  private size(block: Block, from = 0, previous?: Block): void {
    if (block.kind === 'mark') {
      block.sum = this.measure.mark;
      return;
    }
    if (this.measure.uniform && !block.piece) {
      block.units = null;
      block.sum = block.n;
      return;
    }
    const units = from > 0 && block.units !== null ? block.units : new Array<number>(from).fill(1);
    const before = previous?.kind === 'lines' ? previous : null;
    for (let i = from; i < block.n; i++) units[i] = this.measure.line(block, i, before);
    block.units = units;
    block.sum = units.reduce((sum, u) => sum + u, 0);
  }
}

// The position before a mark; empty if it has none.
export function startOf(mark: Mark): string {
  const body = mark.body;
  if (body.t === 'boundary' || body.t === 'truncated') return body.from;
  return body.t === 'gap' ? (body.after ?? '') : '';
}

export function lineText(block: LineBlock, index: number): string {
  return String(block.text).slice(block.starts[index], index + 1 < block.n ? block.starts[index + 1] : block.text.length);
}

function numbers(list: number[] | Uint32Array | Float64Array | Uint8Array): number[] {
  return Array.isArray(list) ? list : Array.from(list);
}

function toBlock(chunk: Chunk, id: number): LineBlock {
  return {
    kind: 'lines', id, n: chunk.starts.length, gen: chunk.gen, late: chunk.late, piece: chunk.piece === 'middle' || chunk.piece === 'last', part: chunk.part ?? 0,
    text: chunk.text, starts: chunk.starts, offs: chunk.offs, levels: chunk.levels, plain: chunk.plain === true, states: null,
    at: chunk.at, end: chunk.end, units: null, sum: 0, top: 0,
  };
}
