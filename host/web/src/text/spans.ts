// Marks on a line: stretches of its visible text that get a class, on top of what the log's own colours say.

import { levelWord } from './level';
import { stampLength } from './time';

export interface Mark {
  start: number;
  end: number;
  cls: string;
}

export interface Term {
  pattern: RegExp;
  cls: string;
}

/** Most marks of one term on one line; a line that matches everywhere says enough. */
const MOST = 100;

export function termMarks(text: string, terms: readonly Term[]): Mark[] {
  const marks: Mark[] = [];
  for (const term of terms) {
    term.pattern.lastIndex = 0;
    for (let n = 0; n < MOST; n++) {
      const m = term.pattern.exec(text);
      if (m === null) break;
      if (m[0] === '') {
        term.pattern.lastIndex++;
        continue;
      }
      marks.push({ start: m.index, end: m.index + m[0].length, cls: term.cls });
    }
  }
  return marks;
}

const jsonKey = /"[^"\\]{1,64}":/g;
const barred = /^( \| [^|]{1,20})\| (\S{1,120} -) /;

/** What makes a plain line easier to read: its time stamp stands back, its level stands out. */
export function readingMarks(text: string): Mark[] {
  const marks: Mark[] = [];
  if (text.startsWith('{"')) return termMarks(text, [{ pattern: jsonKey, cls: 'src' }]);
  const stamp = stampLength(text);
  if (stamp > 0) marks.push({ start: 0, end: stamp, cls: 'ts' });
  const word = levelWord(text);
  if (word) marks.push({ start: word.start, end: word.end, cls: `w${word.level}` });
  // Time | LEVEL | where - message: the bars and the place stand back, the message stands out.
  const bars = stamp > 0 && word ? barred.exec(text.slice(stamp, stamp + 200)) : null;
  if (bars) {
    const second = stamp + bars[1].length;
    marks.push({ start: stamp + 1, end: stamp + 2, cls: 'sep' }, { start: second, end: second + 1, cls: 'sep' });
    marks.push({ start: second + 2, end: second + 2 + bars[2].length, cls: 'src' });
  }
  return marks;
}

/** Cuts a text at the borders of all marks; each part carries the classes of the marks that cover it. */
export function cut(from: number, to: number, marks: readonly Mark[]): { start: number; end: number; cls: string }[] {
  const borders = new Set([from, to]);
  for (const m of marks) {
    if (m.start > from && m.start < to) borders.add(m.start);
    if (m.end > from && m.end < to) borders.add(m.end);
  }
  const at = [...borders].sort((a, b) => a - b);
  const parts = [];
  for (let i = 0; i + 1 < at.length; i++) {
    const cls = marks.filter((m) => m.start <= at[i] && m.end >= at[i + 1]).map((m) => m.cls);
    parts.push({ start: at[i], end: at[i + 1], cls: cls.join(' ') });
  }
  return parts;
}

/** A pattern for the words of a search: plain text by default, /…/ for a regular expression. Null for nothing or a mistake. */
export function searchPattern(query: string, caseSensitive = false): RegExp | null {
  if (query === '') return null;
  const m = /^\/(.+)\/(i?)$/.exec(query);
  try {
    if (m) return new RegExp(m[1], `g${m[2]}`);
    return new RegExp(query.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'), caseSensitive ? 'g' : 'gi');
  } catch {
    return null;
  }
}
