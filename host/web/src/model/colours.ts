// Colours go on from line to line until they are reset, as on a terminal. The state that a line begins in is kept with it, so that
// any line can be painted alone.

import { applySgr, type Sgr } from '../text/ansi';
import type { LineBlock } from './window';

const sgr = /(?:\x1b\[|\x9b)([\d;:]*)m/g;

/** Fills in the states of a block's lines from an index on; returns the state after its last line. */
export function applyState(block: LineBlock, from: number, state: Sgr | null): Sgr | null {
  if (block.plain && state === null) return null;
  const text = String(block.text);
  const begin = block.starts[from];
  const escapes = text.indexOf('\x1b[', begin) >= 0 || text.indexOf('\x9b', begin) >= 0;
  if (state === null && !escapes) return null;
  block.states ??= new Map();
  for (let i = from; i < block.n; i++) {
    if (state !== null) block.states.set(i, state);
    if (!escapes) continue;
    const end = i + 1 < block.n ? block.starts[i + 1] : text.length;
    const line = text.slice(block.starts[i], end);
    if (!line.includes('\x1b') && !line.includes('\x9b')) continue;
    sgr.lastIndex = 0;
    for (let m = sgr.exec(line); m !== null; m = sgr.exec(line)) state = applySgr(state, m[1]);
  }
  return state;
}
