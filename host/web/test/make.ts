import { decodeLines } from '../src/stream/decode';
import type { Chunk } from '../src/stream/items';

export function chunk(gen: string, off: number, lines: string[]): Chunk {
  const text = lines.map((l) => `${l}\n`).join('');
  return decodeLines({ t: 'lines', start: `${gen}.${off}`, end: `${gen}.${off + Buffer.byteLength(text)}`, text }, 0)!;
}
