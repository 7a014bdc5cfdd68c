// A position is the address of a byte of a log: GENERATION.OFFSET, sometimes with .CHECK behind it. The generation and the check are
// opaque; offsets order the bytes within one generation only.

export interface Position {
  gen: string;
  off: number;
}

export function parsePosition(text: string): Position | null {
  const dot = text.indexOf('.');
  if (dot <= 0) return null;
  const next = text.indexOf('.', dot + 1);
  const digits = next < 0 ? text.slice(dot + 1) : text.slice(dot + 1, next);
  if (!/^\d{1,16}$/.test(digits)) return null;
  return { gen: text.slice(0, dot), off: Number(digits) };
}

export function formatPosition(gen: string, off: number): string {
  return `${gen}.${off}`;
}

/** Reports whether two texts address the same byte; the check does not take part. */
export function samePosition(a: string, b: string): boolean {
  const p = parsePosition(a);
  const q = parsePosition(b);
  return p !== null && q !== null && p.gen === q.gen && p.off === q.off;
}

/** A position without its check, as the page names lines. */
export function bare(position: string): string {
  const p = parsePosition(position);
  return p === null ? position : formatPosition(p.gen, p.off);
}
