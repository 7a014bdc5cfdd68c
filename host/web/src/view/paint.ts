// One row, painted. Text goes into text nodes and nowhere else.

import { BOLD, DIM, INVERSE, ITALIC, STRIKE, UNDERLINE, cssColour, isPlain, parseAnsi, type Segment, type Sgr } from '../text/ansi';
import { chomp } from '../text/plain';
import { cut, readingMarks, termMarks, type Mark, type Term } from '../text/spans';

/** More than this of a line is not shown in the list; the drawer shows it all. */
export const MAX_SHOWN = 4096;

export interface Shown {
  text: string;
  segments: Segment[];
  /** Characters that were left out at the end. */
  rest: number;
  /** Character cells that the text takes, about. */
  cells: number;
  /** What makes it easier to read, if it is known already. */
  marks?: Mark[];
}

export function shown(raw: string, state: Sgr | null): Shown {
  let line = chomp(raw);
  let rest = 0;
  if (line.length > MAX_SHOWN) {
    // Not between the halves of a surrogate pair.
    const end = line.charCodeAt(MAX_SHOWN - 1) >= 0xd800 && line.charCodeAt(MAX_SHOWN - 1) < 0xdc00 ? MAX_SHOWN - 1 : MAX_SHOWN;
    rest = line.length - end;
    line = line.slice(0, end);
  }
  if (state === null && isPlain(line)) return { text: line, segments: line === '' ? [] : [{ text: line, style: null }], rest, cells: cellsOf(line) };
  const { segments } = parseAnsi(line, state);
  const text = segments.map((s) => s.text).join('');
  return { text, segments, rest, cells: cellsOf(text) };
}

/** Character cells of a text, about: wide characters take two, and a tab is taken for a whole stop. */
export function cellsOf(text: string): number {
  let n = Math.min(text.length, MAX_SHOWN);
  for (let i = Math.min(text.length, MAX_SHOWN) - 1; i >= 0; i--) {
    const c = text.charCodeAt(i);
    if (c >= 0x2e80) n++;
    else if (c === 9) n += 7;
  }
  return n;
}

interface Part {
  text: string;
  cls: string;
  /** Colours that no class has. */
  colour: string;
  ground: string;
}

/** Fills an element with a line. What is there already is taken over: at the end of a busy log the same elements get other text, and nothing else. */
export function paintLine(target: HTMLElement, line: Shown, terms: readonly Term[]): void {
  const marks: Mark[] = termMarks(line.text, terms);
  // A log with colours of its own keeps them; only a bare time stamp stands back all the same.
  const own = line.segments.some((s) => s.style !== null);
  const first = line.segments[0];
  marks.push(...(line.marks ?? readingMarks(line.text)).filter((m) => !own || (m.cls === 'ts' && first.style === null && first.text.length >= m.end)));
  const parts: Part[] = [];
  let at = 0;
  for (const segment of line.segments) {
    const end = at + segment.text.length;
    const touching = marks.filter((m) => m.start < end && m.end > at);
    const dressed = segment.style === null ? null : dress(segment.style);
    for (const { start, end: to, cls } of cut(at, end, touching)) {
      const text = segment.text.slice(start - at, to - at);
      if (text === '') continue;
      parts.push({ text, cls: [cls, segment.control ? 'ctl' : '', dressed?.cls ?? ''].filter(Boolean).join(' '), colour: dressed?.colour ?? '', ground: dressed?.ground ?? '' });
    }
    at = end;
  }
  fill(target, parts);
}

function fill(target: HTMLElement, parts: readonly Part[]): void {
  let node = target.firstChild;
  for (const part of parts) {
    const next: ChildNode | null = node?.nextSibling ?? null;
    if (node === null || !takeOver(node, part)) {
      const made = make(part);
      if (node === null) target.append(made);
      else node.replaceWith(made);
    }
    node = next;
  }
  while (node !== null) {
    const next: ChildNode | null = node.nextSibling;
    node.remove();
    node = next;
  }
}

function takeOver(node: ChildNode, part: Part): boolean {
  let text: ChildNode | null = node;
  if (node instanceof HTMLElement) {
    if (part.cls === '' || part.colour !== '' || part.ground !== '' || node.hasAttribute('style')) return false;
    if (node.className !== part.cls) node.className = part.cls;
    text = node.firstChild;
  } else if (part.cls !== '' || part.colour !== '' || part.ground !== '') return false;
  if (!(text instanceof Text)) return false;
  if (text.data !== part.text) text.data = part.text;
  return true;
}

function make(part: Part): ChildNode {
  if (part.cls === '' && part.colour === '' && part.ground === '') return document.createTextNode(part.text);
  const span = document.createElement('span');
  span.textContent = part.text;
  span.className = part.cls;
  if (part.colour) span.style.color = part.colour;
  if (part.ground) span.style.backgroundColor = part.ground;
  return span;
}

function dress(style: Sgr): { cls: string; colour: string; ground: string } {
  const c: string[] = [];
  let colour = '';
  let ground = '';
  if (style.flags & BOLD) c.push('ab');
  if (style.flags & DIM) c.push('ad');
  if (style.flags & ITALIC) c.push('ai');
  if (style.flags & UNDERLINE) c.push('au');
  if (style.flags & STRIKE) c.push('as');
  const inverse = (style.flags & INVERSE) !== 0;
  const fg = inverse ? style.bg : style.fg;
  let bg = inverse ? style.fg : style.bg;
  // Text in the colour of its ground would be hidden, and a log must not hide anything.
  if (bg !== -1 && bg === fg) bg = -1;
  if (inverse && bg === -1) c.push('av');
  if (fg >= 0 && fg < 16) c.push(`f${fg}`);
  else if (fg >= 16) colour = cssColour(fg);
  if (bg >= 0 && bg < 16) c.push(`b${bg}`);
  else if (bg >= 16) ground = cssColour(bg);
  if (bg >= 0 && fg < 0) c.push('onbg');
  return { cls: c.join(' '), colour, ground };
}
