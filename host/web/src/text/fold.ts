// Which lines add nothing to the one before: the same again, or the rest of a stack trace.

import { chomp } from './plain';
import { stampLength } from './time';

export type Fold = '' | 'repeat' | 'trace';

// How a line begins that goes on from the one before, in the languages that people write servers in.
const continues = /^(?:[ \t]+(?=\S)|Caused by: |Traceback \(most recent call last\)|goroutine \d+ \[|created by |\.\.\. \d+ (?:more|common frames))/;
/** A frame of Go stands in two lines, the first of which is not indented. */
const goFrame = /^[\w./*()-]+\(.*\)$/;

/** What an exception says of itself, after its trace. */
const thrown = /^[\w.]*(?:Error|Exception|Interrupt|Warning)\b/;

/** Says what a line is to the one before it. */
export function foldOf(line: string, before: string): Fold {
  const head = line.length > 200 ? line.slice(0, 200) : line;
  if (continues.test(head)) return 'trace';
  if (goFrame.test(chomp(head)) && (continues.test(before) || before.startsWith('goroutine '))) return 'trace';
  if (thrown.test(head) && continues.test(before)) return 'trace';
  const body = line.slice(stampLength(line));
  return body.length > 1 && body === before.slice(stampLength(before)) ? 'repeat' : '';
}
