// What of the held lines is not shown: folded ones, and logs that are muted.

import type { Live } from './live';
import * as prefs from './prefs';

export class Hidden {
  /** Rows that are shown although they could be folded. */
  readonly unfolded = new Set<number>();

  private unbind: (() => void) | null = null;

  constructor(private readonly live: Live) {}

  /** Folding was switched on or off. */
  refold(): void {
    const { live } = this;
    if (!live.surface) return;
    this.unfolded.clear();
    live.painter.fold = prefs.fold.value;
    live.surface.repaint();
    live.remeasure(true);
  }

  /** Summaries were switched on or off. They are loaded when they are wanted. */
  summarize(): void {
    const { live } = this;
    const set = (make: typeof live.painter.summary) => {
      live.painter.summary = make;
      live.restyle();
    };
    if (!prefs.summary.value) {
      if (live.painter.summary) set(null);
      return;
    }
    import('./panels').then((m) => {
      if (!prefs.summary.peek()) return;
      this.unbind ??= m.bindCopy(live);
      set(m.summarize);
    }, () => undefined);
  }

  dispose(): void {
    this.unbind?.();
  }

  /** Shows the rows that are folded into one, or folds them again. */
  unfold(id: number): void {
    const { live } = this;
    const row = live.window.row(id);
    if (!row) return;
    const { ids } = live.painter.folded(row);
    const shown = ids.some((i) => this.unfolded.has(i));
    for (const i of ids) {
      if (shown) this.unfolded.delete(i);
      else this.unfolded.add(i);
    }
    live.pause();
    live.surface.repaint();
    live.remeasure(true);
  }

  /** Shows a log or not. */
  mute(part: number): void {
    const { muted } = this.live.view.value;
    this.live.setView({ muted: muted.includes(part) ? muted.filter((m) => m !== part) : [...muted, part] });
  }

  /** Shows a log alone, or all again. */
  solo(part: number): void {
    const rest = this.live.logs.map((_, i) => i).filter((i) => i !== part);
    const { muted } = this.live.view.value;
    this.live.setView({ muted: muted.length === rest.length && !muted.includes(part) ? [] : rest });
  }
}
