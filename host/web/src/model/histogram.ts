// Lines counted over time.

import { type LineBlock, type LogWindow } from './window';

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

/** Every so many lines the time is read; lines in between are dated by their place. */
const STEP = 16;

interface Stretch {
  block: LineBlock;
  first: number;
  last: number;
  from: number;
  to: number;
}

/** Sorts the lines of a window into at most most buckets, the newest at the end. */
export function buckets(window: LogWindow, most: number): Buckets {
  const stretches: Stretch[] = [];
  let low = Infinity;
  let high = -Infinity;
  for (const block of window.blocks) {
    if (block.kind !== 'lines') continue;
    const timeAt = (i: number) => window.time(block, i);
    let from = timeAt(0) ?? block.at;
    for (let first = 0; first < block.n; first += STEP) {
      const next = Math.min(first + STEP, block.n - 1);
      const to = next > first ? (timeAt(next) ?? from) : from;
      stretches.push({ block, first, last: Math.min(first + STEP, block.n) - 1, from, to });
      low = Math.min(low, from, to);
      high = Math.max(high, from, to);
      from = to;
    }
  }
  const empty: Buckets = { from: 0, width: 1000, count: 0, levels: [[], [], []], first: [], most: 0 };
  if (stretches.length === 0) return empty;
  const width = WIDTHS.find((w) => (high - low) / w < most - 1) ?? Math.ceil((high - low + 1) / (most - 1));
  // The newest bucket stands at the right edge; what is not covered stays empty on the left.
  const end = Math.floor(high / width) * width + width;
  const from = end - most * width;
  const zero = () => new Array<number>(most).fill(0);
  const result: Buckets = { from, width, count: most, levels: [zero(), zero(), zero()], first: new Array<number | null>(most).fill(null), most: 0 };
  for (const s of stretches) {
    for (let i = s.first; i <= s.last; i++) {
      const time = s.from + ((s.to - s.from) * (i - s.first)) / STEP;
      const slot = Math.max(0, Math.min(most - 1, Math.floor((time - from) / width)));
      const level = s.block.levels[i];
      result.levels[level >= 5 ? 2 : level === 4 ? 1 : 0][slot]++;
      result.first[slot] ??= s.block.id + i;
    }
  }
  for (let i = 0; i < most; i++) result.most = Math.max(result.most, result.levels[0][i] + result.levels[1][i] + result.levels[2][i]);
  return result;
}
