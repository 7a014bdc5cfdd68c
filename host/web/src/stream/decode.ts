// From messages to items: where each line begins in the text and in the source, and which level it has.

import { levelOf } from '../text/level';
import type { Chunk, Item } from './items';
import { formatPosition, parsePosition } from './position';
import type { EventMessage, LinesMessage } from './protocol';

/** Bytes that text[from, to) takes in UTF-8. */
export function utf8Length(text: string, from: number, to: number): number {
  let n = 0;
  for (let i = from; i < to; i++) {
    const c = text.charCodeAt(i);
    if (c < 0x80) n += 1;
    else if (c < 0x800) n += 2;
    else if (c >= 0xd800 && c < 0xdc00 && i + 1 < to) {
      n += 4;
      i++;
    } else n += 3;
  }
  return n;
}

/** Decodes a batch of lines. skipBefore leaves out the lines that start before that offset. Null if nothing is left or the positions make no sense. */
export function decodeLines(m: LinesMessage, now: number, skipBefore = 0): Chunk | null {
  const start = parsePosition(m.start);
  const end = parsePosition(m.end);
  if (start === null || end === null || typeof m.text !== 'string') return null;
  const text = m.text;
  const begins: number[] = [];
  for (let i = 0; i < text.length; ) {
    begins.push(i);
    const newline = text.indexOf('\n', i);
    if (newline < 0) break;
    i = newline + 1;
  }
  const n = begins.length;
  const offs = new Float64Array(n);
  // Bytes equal to characters means plain ASCII (or a filter's or a decoder's work, which then says where the lines were).
  const ascii = end.off - start.off === text.length;
  let bytes = 0;
  for (let i = 0; i < n; i++) {
    if (m.at !== undefined) offs[i] = start.off + (m.at[i] ?? 0);
    else if (ascii) offs[i] = start.off + begins[i];
    else {
      offs[i] = start.off + bytes;
      bytes += utf8Length(text, begins[i], i + 1 < n ? begins[i + 1] : text.length);
    }
  }
  let first = 0;
  while (first < n && offs[first] < skipBefore) first++;
  if (first === n) return null;
  const levels = new Uint8Array(n - first);
  for (let i = first; i < n; i++) {
    levels[i - first] = levelOf(text.slice(begins[i], i + 1 < n ? begins[i + 1] : text.length));
  }
  const piece = m.piece;
  return {
    k: 'lines', gen: start.gen, end: m.end, text, starts: Uint32Array.from(begins.slice(first)), offs: first === 0 ? offs : offs.slice(first),
    levels, late: m.t === 'late', plain: !text.includes('\x1b') && !text.includes('\x9b'), ...(piece ? { piece } : {}), at: now,
  };
}

/** Characters of a message, escapes included, that are decoded at a time. */
const PIECE = 32 << 10;
const usual = /^\{"t":"lines","start":"([^"\\]+)","end":"([^"\\]+)","text":"/;

/**
 * Decodes a message of lines without making one text of it: what is small is made in memory that is at hand, and what is large is not. The runs
 * follow each other. Null if the message is short, or any other than lines that stand in their file as they are here; JSON.parse and decodeLines take all.
 */
export function decodeLong(data: string, now: number, piece = PIECE): Chunk[] | null {
  if (data.length < 2 * piece || !data.endsWith('"}')) return null;
  const head = usual.exec(data.slice(0, 400));
  const start = parsePosition(head?.[1] ?? '');
  const end = parsePosition(head?.[2] ?? '');
  // A text of lines ends with one; what says more of itself than that does not end here.
  if (head === null || start === null || end === null || start.gen !== end.gen || !newlineAt(data, data.length - 4)) return null;
  const texts: string[] = [];
  const last = data.length - 2;
  try {
    for (let from = head[0].length; from < last; ) {
      const to = from + piece < last - 2 ? nextLine(data, from + piece) : last;
      texts.push(JSON.parse(`"${data.slice(from, to)}"`) as string);
      from = to;
    }
  } catch {
    return null;
  }
  const ascii = end.off - start.off === texts.reduce((n, t) => n + t.length, 0);
  let off = start.off;
  const chunks = texts.map((text) => {
    const from = off;
    off += ascii ? text.length : utf8Length(text, 0, text.length);
    return decodeLines({ t: 'lines', start: formatPosition(start.gen, from), end: formatPosition(start.gen, off), text }, now);
  });
  if (off !== end.off || chunks.some((c) => c === null)) return null;
  chunks[chunks.length - 1]!.end = head[2];
  return chunks as Chunk[];
}

// Whether an escaped newline stands at an index: an odd number of backslashes, and an n.
function newlineAt(data: string, at: number): boolean {
  if (data.charCodeAt(at + 1) !== 110) return false;
  let slashes = 0;
  while (data.charCodeAt(at - slashes) === 92) slashes++;
  return slashes % 2 === 1;
}

/** The index after the next escaped newline. There is one, at the end. */
function nextLine(data: string, from: number): number {
  for (let at = data.indexOf('\\n', from); ; at = data.indexOf('\\n', at + 1)) if (newlineAt(data, at)) return at + 2;
}

/** Decodes an event; null if there is nothing to show for it. */
export function decodeEvent(m: EventMessage, now: number): Item | null {
  switch (m.t) {
    case 'lines':
    case 'late':
      return decodeLines(m, now);
    case 'boundary':
    case 'truncated':
    case 'gap':
      return { k: 'mark', body: m, at: now };
    default:
      return null;
  }
}
