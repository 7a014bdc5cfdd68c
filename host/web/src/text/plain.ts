// Text of lines as people want it outside of the page.

import { isPlain, parseAnsi } from './ansi';

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
