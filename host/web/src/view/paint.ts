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

/** Fills an element with a line. */
export function paintLine(target: HTMLElement, line: Shown, terms: readonly Term[]): void {
  const marks: Mark[] = termMarks(line.text, terms);
  // A log with colours of its own keeps them; only a bare time stamp stands back all the same.
  const own = line.segments.some((s) => s.style !== null);
  const first = line.segments[0];
  marks.push(...readingMarks(line.text).filter((m) => !own || (m.cls === 'ts' && first.style === null && first.text.length >= m.end)));
  const nodes: Node[] = [];
  let at = 0;
  for (const segment of line.segments) {
    const end = at + segment.text.length;
    const touching = marks.filter((m) => m.start < end && m.end > at);
    for (const part of cut(at, end, touching)) {
      const text = segment.text.slice(part.start - at, part.end - at);
      if (text === '') continue;
      if (segment.style === null && !segment.control && part.cls === '') {
        nodes.push(document.createTextNode(text));
        continue;
      }
      const span = document.createElement('span');
      span.textContent = text;
      span.className = [part.cls, segment.control ? 'ctl' : ''].filter(Boolean).join(' ');
      if (segment.style) dress(span, segment.style);
      nodes.push(span);
    }
    at = end;
  }
  target.replaceChildren(...nodes);
}

function dress(span: HTMLElement, style: Sgr): void {
  const c = span.classList;
  if (style.flags & BOLD) c.add('ab');
  if (style.flags & DIM) c.add('ad');
  if (style.flags & ITALIC) c.add('ai');
  if (style.flags & UNDERLINE) c.add('au');
  if (style.flags & STRIKE) c.add('as');
  const inverse = (style.flags & INVERSE) !== 0;
  const fg = inverse ? style.bg : style.fg;
  let bg = inverse ? style.fg : style.bg;
  // Text in the colour of its ground would be hidden, and a log must not hide anything.
  if (bg !== -1 && bg === fg) bg = -1;
  if (inverse && bg === -1) c.add('av');
  if (fg >= 0 && fg < 16) c.add(`f${fg}`);
  else if (fg >= 16) span.style.color = cssColour(fg);
  if (bg >= 0 && bg < 16) c.add(`b${bg}`);
  else if (bg >= 16) span.style.backgroundColor = cssColour(bg);
  if (bg >= 0 && fg < 0) c.add('onbg');
}
