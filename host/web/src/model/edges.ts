// Where a window of several merged logs begins and ends in each of them.

import { formatPosition } from '../stream/position';
import type { Edges } from '../stream/mergepages';
import { endOf } from './tail';
import { startOf, type LogWindow } from './window';

/** The edge of a window that a position names; null if it names none. attached says that the window reaches the live end. */
export function edgesOf(window: LogWindow, logs: number, at: string, attached: boolean): Edges | null {
  if (at === '' || (at !== window.start && at !== window.end)) return null;
  const end = at !== window.start;
  const places = Array.from({ length: logs }, () => '');
  let time: number | null = null;
  let missing = logs;
  const { blocks } = window;
  for (let i = 0; i < blocks.length && (missing > 0 || time === null); i++) {
    const b = blocks[end ? blocks.length - 1 - i : i];
    if (b.kind === 'mark') {
      // A mark that is the first or last of its log would come again from the line behind it.
      const part = b.mark.part ?? 0;
      const place = end ? endOf([b.mark]) : startOf(b.mark);
      if (place === '' || places[part] !== '') continue;
      places[part] = place;
      missing--;
      continue;
    }
    if (b.late) continue;
    if (places[b.part] === '') {
      places[b.part] = end ? b.end : formatPosition(b.gen, b.offs[0]);
      missing--;
    }
    for (let k = 0; k < b.n && time === null; k++) time = window.time(b, end ? b.n - 1 - k : k);
  }
  return { places, time, end, attached };
}
