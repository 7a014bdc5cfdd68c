// Levels of log lines, found by how programs write them. A guess, for colour and counting; never for leaving lines out unasked.

export const LEVELS = ['none', 'trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;
export type Level = 0 | 1 | 2 | 3 | 4 | 5 | 6;

const byWord: Record<string, Level> = {
  trace: 1, trc: 1, verbose: 1, finest: 1, finer: 1,
  debug: 2, dbg: 2, fine: 2,
  info: 3, inf: 3, information: 3, notice: 3, success: 3,
  warn: 4, warning: 4, wrn: 4,
  error: 5, err: 5, eror: 5, severe: 5,
  fatal: 6, ftl: 6, critical: 6, crit: 6, panic: 6, emerg: 6, emergency: 6, alert: 6,
};

// Only the beginning is looked at: a level stands in the head of a line, and a long line must not cost more than a short one.
const HEAD = 200;

// A key says most: JSON and logfmt, whatever the letter case.
const keyed = /(?:^|[\s,{])"?(?:level|lvl|severity|severityText|log\.level|levelname|loglevel)"?\s?[:=]\s?"?([A-Za-z]+|\d\d)\b/;
// Otherwise a word in capitals, or one that punctuation sets apart, as in [error] or <warn>.
const bare = /\b(TRACE|TRC|VERBOSE|DEBUG|DBG|INFO|INF|NOTICE|SUCCESS|WARN|WARNING|WRN|ERROR|ERR|SEVERE|FATAL|FTL|CRITICAL|CRIT|PANIC|EMERG|ALERT)\b|[[(<|](?:\w+\.)?(trace|debug|info|notice|warn|warning|error|err|fatal|critical|crit|panic|emerg|alert)[\])>|]/;
const klog = /^([IWEF])\d{4} \d\d:\d\d:\d\d/;
const pino: Record<string, Level> = { '10': 1, '20': 2, '30': 3, '40': 4, '50': 5, '60': 6 };
const klogLevel: Record<string, Level> = { I: 3, W: 4, E: 5, F: 6 };
const trouble = /^(?:Traceback \(most recent call last\)|panic: |fatal error: |Exception in thread|Caused by: )/;

// eslint-disable-next-line no-control-regex
const colour = /\x1b\[[\d;:]*m/g;

/** Says the level of a line; 0 if it shows none. */
export function levelOf(line: string): Level {
  let head = line.length > HEAD ? line.slice(0, HEAD) : line;
  if (head.includes('\x1b')) head = head.replace(colour, '');
  const k = keyed.exec(head);
  if (k !== null) return pino[k[1]] ?? byWord[k[1].toLowerCase()] ?? 0;
  const b = bare.exec(head);
  if (b !== null) return byWord[(b[1] ?? b[2]).toLowerCase()];
  const g = klog.exec(head);
  if (g !== null) return klogLevel[g[1]];
  return trouble.test(head) ? 5 : 0;
}

/** Finds the word that gave the level, so that it can be coloured; null if there is none to show. */
export function levelWord(line: string): { start: number; end: number; level: Level } | null {
  const head = line.length > HEAD ? line.slice(0, HEAD) : line;
  if (keyed.test(head)) return null;
  const b = bare.exec(head);
  if (b === null) return null;
  const word = b[1] ?? b[2];
  const start = b.index + b[0].indexOf(word);
  return { start, end: start + word.length, level: byWord[word.toLowerCase()] };
}
