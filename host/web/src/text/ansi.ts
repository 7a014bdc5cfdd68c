// From a raw line to segments of text that can be shown. Colours are the only thing a log may say to a display: every other escape
// sequence goes, payload and all; what is left of control characters becomes visible; nothing can hide, move or reorder text.

export interface Sgr {
  /** -1: none; 0 to 255: palette; from 0x1000000: 24-bit colour. */
  fg: number;
  bg: number;
  /** Sum of BOLD … STRIKE. */
  flags: number;
}

export const BOLD = 1;
export const DIM = 2;
export const ITALIC = 4;
export const UNDERLINE = 8;
export const INVERSE = 16;
export const STRIKE = 32;
const RGB = 0x1000000;

export interface Segment {
  text: string;
  style: Sgr | null;
  /** A control character made visible. */
  control?: boolean;
}

// What cannot be shown as it stands: controls but tab, and what reorders text or breaks lines.
const special = new Uint8Array(0x206a);
for (const [from, to] of [[0, 8], [0x0a, 0x1f], [0x7f, 0x9f], [0x61c, 0x61c], [0x200e, 0x200f], [0x2028, 0x202e], [0x2066, 0x2069]]) special.fill(1, from, to + 1);

function nextSpecial(line: string, from: number): number {
  for (let i = from; i < line.length; i++) {
    const c = line.charCodeAt(i);
    if (c < 0x206a && special[c] === 1) return i;
  }
  return line.length;
}

/** Reports whether a line can be shown as it stands. */
export function isPlain(line: string): boolean {
  return nextSpecial(line, 0) === line.length;
}

/** Splits a line (without its line ending) into segments, beginning in the given state; returns the state it ends in. */
export function parseAnsi(line: string, state: Sgr | null): { segments: Segment[]; state: Sgr | null } {
  const segments: Segment[] = [];
  // Either text or controls wait to become a segment, never both.
  let text = '';
  let controls = '';
  const flush = () => {
    if (text !== '') segments.push({ text, style: state });
    if (controls !== '') segments.push({ text: controls, style: state, control: true });
    text = controls = '';
  };
  // Searching for a terminator that is not there is done once, which keeps the whole linear.
  const search = { hopeless: false };
  let at = 0;
  while (at < line.length) {
    const i = nextSpecial(line, at);
    if (i > at) {
      if (controls !== '') flush();
      text += line.slice(at, i);
    }
    if (i === line.length) break;
    const end = endOfSequence(line, i, search);
    if (end < 0) {
      if (text !== '') flush();
      controls += visible(line.charCodeAt(i));
      at = i + 1;
      continue;
    }
    if (line[end - 1] === 'm') {
      const body = line.charCodeAt(i) === 0x9b ? i + 1 : line[i + 1] === '[' ? i + 2 : -1;
      if (body > 0) {
        flush();
        state = applySgr(state, line.slice(body, end - 1));
      }
    }
    at = end;
  }
  flush();
  return { segments, state };
}

// Where the escape sequence ends that begins at i; -1 if there is none, or none that is whole.
function endOfSequence(line: string, i: number, search: { hopeless: boolean }): number {
  const c = line.charCodeAt(i);
  const escape = c === 0x1b;
  if (!escape && (c < 0x80 || c > 0x9f)) return -1;
  const introducer = escape ? line[i + 1] : String.fromCharCode(c - 0x40);
  const body = escape ? i + 2 : i + 1;
  if (introducer === undefined) return -1;
  if (introducer === '[') return endOfControl(line, body);
  if ('P]X^_'.includes(introducer)) {
    const end = search.hopeless ? -1 : endOfString(line, body);
    search.hopeless = end < 0;
    return end;
  }
  return escape ? endOfEscape(line, i + 1) : -1;
}

// The final byte of a control sequence ends it; anything that cannot stand in one means that it is none.
function endOfControl(line: string, from: number): number {
  for (let i = from; i < line.length && i < from + 256; i++) {
    const c = line.charCodeAt(i);
    if (c >= 0x40 && c <= 0x7e) return i + 1;
    if (c < 0x20 || c > 0x3f) return -1;
  }
  return -1;
}

function endOfString(line: string, from: number): number {
  for (let i = from; i < line.length; i++) {
    const c = line.charCodeAt(i);
    if (c === 0x07 || c === 0x9c) return i + 1;
    if (c === 0x1b && line[i + 1] === '\\') return i + 2;
  }
  return -1;
}

function endOfEscape(line: string, from: number): number {
  for (let i = from; i < line.length && i < from + 4; i++) {
    const c = line.charCodeAt(i);
    if (c >= 0x30 && c <= 0x7e) return i + 1;
    if (c < 0x20 || c > 0x2f) return -1;
  }
  return -1;
}

function visible(c: number): string {
  if (c < 0x20) return String.fromCharCode(0x2400 + c);
  if (c === 0x7f) return '\u2421';
  return `\u27e6U+${c.toString(16).toUpperCase().padStart(4, '0')}\u27e7`;
}

const PLAIN: Sgr = { fg: -1, bg: -1, flags: 0 };

/** Applies the parameters of one SGR sequence. Null is the plain state. */
export function applySgr(state: Sgr | null, params: string): Sgr | null {
  const s: Sgr = { ...(state ?? PLAIN) };
  const p = params.split(/[;:]/, 64).map((n) => (n === '' ? 0 : Number(n)));
  for (let i = 0; i < p.length; i++) {
    const n = p[i];
    if (n === 0) Object.assign(s, PLAIN);
    else if (n === 1) s.flags |= BOLD;
    else if (n === 2) s.flags |= DIM;
    else if (n === 3) s.flags |= ITALIC;
    else if (n === 4 || n === 21) s.flags |= UNDERLINE;
    else if (n === 7) s.flags |= INVERSE;
    else if (n === 9) s.flags |= STRIKE;
    else if (n === 22) s.flags &= ~(BOLD | DIM);
    else if (n === 23) s.flags &= ~ITALIC;
    else if (n === 24) s.flags &= ~UNDERLINE;
    else if (n === 27) s.flags &= ~INVERSE;
    else if (n === 29) s.flags &= ~STRIKE;
    else if (n >= 30 && n <= 37) s.fg = n - 30;
    else if (n >= 90 && n <= 97) s.fg = n - 82;
    else if (n === 39) s.fg = -1;
    else if (n >= 40 && n <= 47) s.bg = n - 40;
    else if (n >= 100 && n <= 107) s.bg = n - 92;
    else if (n === 49) s.bg = -1;
    else if (n === 38 || n === 48) {
      const [colour, used] = extended(p, i + 1, params.includes(':'));
      if (colour >= 0) s[n === 38 ? 'fg' : 'bg'] = colour;
      i += used;
    }
  }
  return s.fg === -1 && s.bg === -1 && s.flags === 0 ? null : s;
}

function extended(p: number[], i: number, colons: boolean): [colour: number, used: number] {
  const byte = (n: number | undefined) => Math.max(0, Math.min(255, Number.isFinite(n) ? (n as number) : 0));
  if (p[i] === 5) return [byte(p[i + 1]), 2];
  if (p[i] !== 2) return [-1, 0];
  // 38:2::r:g:b has a place for a colour space, 38;2;r;g;b has none.
  const skip = colons && p.length - i >= 5 ? 1 : 0;
  return [RGB | (byte(p[i + 1 + skip]) << 16) | (byte(p[i + 2 + skip]) << 8) | byte(p[i + 3 + skip]), 4 + skip];
}

/** The CSS colour of a palette entry from 16 on or of a 24-bit colour; the first 16 are classes, because themes differ in them. */
export function cssColour(colour: number): string {
  if (colour >= RGB) return `rgb(${(colour >> 16) & 255} ${(colour >> 8) & 255} ${colour & 255})`;
  if (colour >= 232) {
    const grey = 8 + (colour - 232) * 10;
    return `rgb(${grey} ${grey} ${grey})`;
  }
  const n = colour - 16;
  const step = (v: number) => (v === 0 ? 0 : 55 + v * 40);
  return `rgb(${step(Math.floor(n / 36))} ${step(Math.floor(n / 6) % 6)} ${step(n % 6)})`;
}
