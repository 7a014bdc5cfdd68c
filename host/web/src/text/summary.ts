// A structured line, shown short: when, how bad and what first, then what else there is to know. What is summed up is the line as it can be
// seen; the line itself stays what is copied, filtered and linked to.

import { valuesOf } from './fields';
import { LEVELS, levelOf } from './level';
import { chomp, plain } from './plain';
import { readingMarks, type Mark, type Term } from './spans';
import { MAX_SHOWN, cellsOf, type Shown } from '../view/paint';

const TIME = ['time', 'timestamp', 'ts', '@timestamp', 'datetime', 't'];
const LEVEL = ['level', 'lvl', 'severity', 'severitytext', 'levelname', 'loglevel', 'log.level'];
const MESSAGE = ['msg', 'message', 'event', 'body'];
/** Other fields that are shown, and characters of each. */
const MOST = 12;
const LONGEST = 60;
/** A longer line is shown as it is. */
const MOST_TEXT = 32 << 10;

/** A summary of a line; null if it is none of JSON or logfmt, or if one of the terms is in the line and not in its summary: what is looked for is shown where it is. */
export function summarize(raw: string, terms: readonly Term[] = []): Shown | null {
  if (raw.length > MOST_TEXT || !(raw.includes('{"') || raw.includes('='))) return null;
  const line = plain(raw);
  const found = valuesOf(line);
  if (found === null || found.fields.length < 2) return null;
  let text = '';
  const marks: Mark[] = [];
  const put = (part: string, cls: string, space = ' ') => {
    if (part === '') return;
    if (text !== '') text += space;
    if (cls) marks.push({ start: text.length, end: text.length + part.length, cls });
    text += part;
  };
  const rest = [...found.fields];
  const take = (names: readonly string[]) => {
    for (const wanted of names) {
      const at = rest.findIndex(({ name, value }) => name.toLowerCase() === wanted && value !== '' && (value === null || typeof value !== 'object'));
      if (at >= 0) return rest.splice(at, 1)[0].value;
    }
    return '';
  };
  const before = found.before.trim();
  marks.push(...readingMarks(before));
  text = before;
  put(time(take(TIME)), 'ts');
  const word = take(LEVEL);
  const level = levelOf(`level=${word}`);
  put(typeof word === 'number' ? LEVELS[level].toUpperCase() : plain(String(word)), level ? `w${level}` : '');
  put(plain(String(take(MESSAGE))), '');
  for (const { name, value } of rest.slice(0, MOST)) {
    put(`${plain(name)}=`, 'src');
    put(short(value), 'w1', '');
  }
  if (rest.length > MOST) put(`+${rest.length - MOST}`, 'sep');
  put(found.after.trim(), '');
  for (const { pattern } of terms) if (matches(pattern, line) && !matches(pattern, text.slice(0, MAX_SHOWN))) return null;
  const left = Math.max(0, text.length - MAX_SHOWN);
  text = text.slice(0, MAX_SHOWN);
  return { text, segments: text === '' ? [] : [{ text, style: null }], rest: left, cells: cellsOf(text), marks };
}

function matches(pattern: RegExp, text: string): boolean {
  pattern.lastIndex = 0;
  return pattern.test(text);
}

// Seconds or milliseconds since the epoch are made readable; anything else is shown as it was written.
function time(value: unknown): string {
  if (typeof value !== 'number') return plain(String(value));
  const ms = value > 1e11 ? value : value * 1000;
  return ms > 1e11 && ms < 1e13 ? new Date(ms).toISOString() : String(value);
}

function short(value: unknown): string {
  const text = typeof value === 'string' ? plain(/^[^\s="\p{C}]+$/u.test(value) ? value : JSON.stringify(value)) : chomp(plain(JSON.stringify(value)));
  if (text.length <= LONGEST) return text;
  if (Array.isArray(value)) return `[…${value.length}]`;
  if (value !== null && typeof value === 'object') return `{…${Object.keys(value).length}}`;
  const cut = text.charCodeAt(LONGEST - 2);
  return `${text.slice(0, cut >= 0xd800 && cut < 0xdc00 ? LONGEST - 2 : LONGEST - 1)}…`;
}
