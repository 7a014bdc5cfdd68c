// Text of lines as people want it outside of the page.

import { BOLD, DIM, INVERSE, ITALIC, STRIKE, UNDERLINE, isPlain, parseAnsi, type Sgr } from './ansi';

/** A line without its line ending. */
export function chomp(line: string): string {
  let end = line.length;
  if (end > 0 && line.charCodeAt(end - 1) === 10) end--;
  if (end > 0 && line.charCodeAt(end - 1) === 13) end--;
  return end === line.length ? line : line.slice(0, end);
}

/** What is seen of a line: no colours, no other escapes, control characters visible. */
export function plain(line: string): string {
  const text = chomp(line);
  if (isPlain(text)) return text;
  return parseAnsi(text, null).segments.map((s) => s.text).join('');
}

/** A block of Markdown that holds the lines whatever they contain. */
export function markdown(lines: string[], title: string): string {
  let fence = '```';
  while (lines.some((line) => line.includes(fence))) fence += '`';
  return `${title}\n\n${fence}text\n${lines.join('\n')}\n${fence}\n`;
}

const CODES = [[BOLD, 1], [DIM, 2], [ITALIC, 3], [UNDERLINE, 4], [INVERSE, 7], [STRIKE, 9]] as const;

/** What is seen of a line, with its colours for a terminal and no other escape sequence. The line ends as plain as it began. */
export function ansi(line: string, state: Sgr | null): string {
  const text = chomp(line);
  if (state === null && isPlain(text)) return text;
  return parseAnsi(text, state).segments.map((s) => (s.style === null ? s.text : `\x1b[${codes(s.style)}m${s.text}\x1b[0m`)).join('');
}

function codes({ fg, bg, flags }: Sgr): string {
  return [...CODES.filter(([flag]) => flags & flag).map(([, code]) => String(code)), ...colour(fg, 30), ...colour(bg, 40)].join(';');
}

function colour(c: number, first: number): string[] {
  if (c < 0) return [];
  if (c < 8) return [String(first + c)];
  if (c < 16) return [String(first + 60 + c - 8)];
  if (c < 256) return [`${first + 8};5;${c}`];
  return [`${first + 8};2;${(c >> 16) & 255};${(c >> 8) & 255};${c & 255}`];
}
