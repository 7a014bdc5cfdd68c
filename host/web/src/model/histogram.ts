// Lines counted over time.

import { timeOf } from '../text/time';
import { lineText, type LogWindow } from './window';

export interface Buckets {
  from: number;
  /** Milliseconds of one bucket. */
  width: number;
  count: number;
  /** Counts of other lines, warnings, and errors. */
  levels: [number[], number[], number[]];
  /** Id of the first row in each bucket. */
  first: (number | null)[];
  most: number;
}

// Widths that people can read off a clock.
const WIDTHS = [100, 200, 500, 1000, 2000, 5000, 10_000, 30_000, 60_000, 120_000, 300_000, 600_000, 1_800_000, 3_600_000, 7_200_000, 21_600_000, 86_400_000];

/** Sorts the lines of a window into at most most buckets. Blocks are dated by their first and last line, lines in between by their place. */
export function buckets(window: LogWindow, most: number): Buckets {
  const spans: { from: number; to: number; block: number }[] = [];
  let low = Infinity;
  let high = -Infinity;
  window.blocks.forEach((b, i) => {
    if (b.kind !== 'lines') return;
    const from = timeOf(lineText(b, 0)) ?? b.at;
    const to = Math.max(from, timeOf(lineText(b, b.n - 1)) ?? from);
    spans.push({ from, to, block: i });
    low = Math.min(low, from);
    high = Math.max(high, to);
  });
  const empty: Buckets = { from: 0, width: 1000, count: 0, levels: [[], [], []], first: [], most: 0 };
  if (spans.length === 0) return empty;
  const width = WIDTHS.find((w) => (high - low) / w < most - 1) ?? Math.ceil((high - low + 1) / (most - 1));
  // The newest bucket stands at the right edge; what is not covered stays empty on the left.
  const end = Math.floor(high / width) * width + width;
  const count = most;
  const from = end - count * width;
  const zero = () => new Array<number>(count).fill(0);
  const result: Buckets = { from, width, count, levels: [zero(), zero(), zero()], first: new Array<number | null>(count).fill(null), most: 0 };
  for (const span of spans) {
    const b = window.blocks[span.block];
    if (b.kind !== 'lines') continue;
    for (let i = 0; i < b.n; i++) {
      const time = b.n === 1 ? span.from : span.from + ((span.to - span.from) * i) / (b.n - 1);
      const slot = Math.max(0, Math.min(count - 1, Math.floor((time - from) / width)));
      const level = b.levels[i];
      result.levels[level >= 5 ? 2 : level === 4 ? 1 : 0][slot]++;
      result.first[slot] ??= b.id + i;
    }
  }
  for (let i = 0; i < count; i++) result.most = Math.max(result.most, result.levels[0][i] + result.levels[1][i] + result.levels[2][i]);
  return result;
}
