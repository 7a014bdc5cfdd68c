// Lines on their way from the worker to the page: as bytes that change hands, in few pieces. A string would be copied twice, and most
// lines of a busy log are never looked at: what is text here becomes text again when somebody reads it.

import type { Batch, Chunk, Item, Mark } from './items';
import { utf8Length } from './decode';

/** Text that may still be bytes. */
export type Text = string | Packed;

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

export class Packed {
  private text = '';

  /** length is that of the text, in characters. */
  constructor(private bytes: Uint8Array | null, readonly length: number) {}

  toString(): string {
    if (this.bytes !== null) {
      this.text = decoder.decode(this.bytes);
      this.bytes = null;
    }
    return this.text;
  }
}

type PackedLines = Omit<Chunk, 'text' | 'starts' | 'offs' | 'levels'> & { /** Lines, bytes and characters. */ n: number; bytes: number; length: number };

/** A batch in which the lines of all runs stand one behind the other. */
export interface PackedBatch extends Omit<Batch, 'items'> {
  items: (Mark | PackedLines)[];
  bytes: Uint8Array<ArrayBuffer>;
  starts: Uint32Array<ArrayBuffer>;
  offs: Float64Array<ArrayBuffer>;
  levels: Uint8Array<ArrayBuffer>;
}

const encoder = new TextEncoder();

/** Packs a batch; what is to change hands is in the second result. */
export function pack(batch: Batch): [PackedBatch, Transferable[]] {
  const runs = batch.items.filter((i): i is Chunk => i.k === 'lines');
  const lines = runs.reduce((n, c) => n + c.starts.length, 0);
  const starts = new Uint32Array(lines);
  const offs = new Float64Array(lines);
  const levels = new Uint8Array(lines);
  // As many bytes as characters is right for most logs; where it is not, they are counted.
  let bytes = new Uint8Array(runs.reduce((n, c) => n + c.text.length, 0));
  let sizes = fill(bytes, runs);
  if (sizes === null) {
    bytes = new Uint8Array(runs.reduce((n, c) => n + utf8Length(String(c.text), 0, c.text.length), 0));
    sizes = fill(bytes, runs)!;
  }
  let line = 0;
  let run = 0;
  const items = batch.items.map((item) => {
    if (item.k === 'mark') return item;
    const { text, starts: s, offs: o, levels: l, ...rest } = item;
    starts.set(s, line);
    offs.set(o, line);
    levels.set(l, line);
    line += s.length;
    return { ...rest, n: s.length, bytes: sizes[run++], length: text.length };
  });
  return [{ ...batch, items, bytes, starts, offs, levels }, [bytes.buffer, starts.buffer, offs.buffer, levels.buffer]];
}

// Writes the texts one behind the other; returns how many bytes each takes, or null if there is not room for all.
function fill(bytes: Uint8Array, runs: readonly Chunk[]): number[] | null {
  const sizes: number[] = [];
  let at = 0;
  for (const { text } of runs) {
    const { read, written } = encoder.encodeInto(String(text), bytes.subarray(at));
    if (read < text.length) return null;
    sizes.push(written);
    at += written;
  }
  return sizes;
}

export function unpack(packed: PackedBatch): Batch {
  let line = 0;
  let byte = 0;
  const { bytes, starts, offs, levels, ...batch } = packed;
  const items = packed.items.map((item): Item => {
    if (item.k === 'mark') return item;
    const { n, bytes: size, length, ...rest } = item;
    const [from, at] = [line, byte];
    line += n;
    byte += size;
    return { ...rest, text: new Packed(bytes.subarray(at, byte), length), starts: starts.subarray(from, line), offs: offs.subarray(from, line), levels: levels.subarray(from, line) };
  });
  return { ...batch, items };
}
