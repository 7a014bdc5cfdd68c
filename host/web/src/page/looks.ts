// How the lines of a window are to look: heights, marked words, counts by level.

import { lineText, type LineBlock, type LogWindow, type Measure } from '../model/window';
import { LEVELS } from '../text/level';
import { foldOf, type Fold } from '../text/fold';
import { searchPattern, type Term } from '../text/spans';
import { cellsOf } from '../view/paint';

/** Colours there are for highlighted words. */
export const COLOURS = 6;

export function termsOf(highlight: readonly string[], search: string): { terms: Term[]; search: RegExp | null } {
  const terms: Term[] = [];
  highlight.forEach((word, i) => {
    const pattern = searchPattern(word);
    if (pattern) terms.push({ pattern, cls: `h${i % COLOURS}` });
  });
  const pattern = searchPattern(search);
  if (pattern) terms.push({ pattern, cls: 'hit' });
  return { terms, search: pattern };
}

/** What a line of a block is to the one before it. */
export function foldAt(block: LineBlock, i: number, before: LineBlock | null): Fold {
  if (i === 0 && (!before || block.late || before.late || before.part !== block.part)) return '';
  return foldOf(lineText(block, i), i > 0 ? lineText(block, i - 1) : lineText(before!, before!.n - 1));
}

/** Heights of lines: wrapped after so many columns or not, and none for hidden levels and for what is folded, unless it is unfolded. */
export function measureFor(wrap: boolean, columns: number, hide: readonly string[], fold: boolean, unfolded: ReadonlySet<number>, muted: ReadonlySet<number>): Measure {
  const hidden = new Set(hide.map((name) => LEVELS.indexOf(name as (typeof LEVELS)[number])));
  return {
    mark: 2,
    uniform: !wrap && hidden.size === 0 && muted.size === 0 && !fold,
    line: (block: LineBlock, i: number, before: LineBlock | null) => {
      if (block.piece || hidden.has(block.levels[i]) || muted.has(block.part)) return 0;
      if (fold && !unfolded.has(block.id + i) && foldAt(block, i, before) !== '') return 0;
      return wrap ? /* what it takes indeed is measured when it is painted */ Math.max(1, Math.ceil(cellsOf(lineText(block, i)) / columns)) : 1;
    },
  };
}

export function countLevels(window: LogWindow): number[] {
  const counts = LEVELS.map(() => 0);
  for (const b of window.blocks) if (b.kind === 'lines') for (const level of b.levels) counts[level]++;
  return counts;
}

/** Places in a window where lines are missing or may be. */
export function countGaps(window: LogWindow): number {
  return window.blocks.filter((b) => b.kind === 'mark' && (b.mark.body.t === 'gap' || b.mark.body.t === 'position_gone')).length;
}
