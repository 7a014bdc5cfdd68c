// Going to a place of the log: around a line that a link, a search or the timeline names, read from history if it is not held.

import type { Match } from '../stream/protocol';
import { bare, parsePosition } from '../stream/position';
import type { Live } from './live';
import { lineOf } from './url';

export class Places {
  /** Where the address wants to go, as soon as that can be asked for. */
  wanted: string;
  private anchorAt = '';
  private reselect = false;
  private fresh = false;
  private show: (() => void) | null = null;

  constructor(private readonly live: Live, at: string) {
    this.wanted = at;
  }

  /** The connection is there. */
  opened(): void {
    if (!this.wanted) return;
    const { position, part, time } = lineOf(this.wanted);
    this.jump(position, false, part, time);
  }

  /** Shows the log around a position, from its history; selects the line there if it is held or if that is wanted. Of several logs, part and time
   * say which it is in, and where in the others. */
  jump(position: string, select = false, part = 0, time: number | null = null): void {
    const { live } = this;
    this.wanted = '';
    live.pause();
    const held = live.window.find(position);
    if (held && live.window.position(held) === bare(position)) {
      live.surface.scrollToRow(held, 0.3);
      live.select(held.id);
      return;
    }
    if (live.merged && !position.startsWith('~')) {
      this.around(live.merged.name(live.logs.map((_, i) => (i === part ? position : (time ?? Date.now())))), select);
      this.anchorAt = bare(position);
      this.fresh = false;
    } else this.around(position, select);
  }

  /** A match of a search, in its context: without the filter, which may hide what stands around it. */
  showMatch(hit: Pick<Match, 'at' | 'part' | 'time_ms'>): void {
    const { live } = this;
    live.jumpFailed.value = false;
    const show = () => this.jump(hit.at, true, hit.part, hit.time_ms);
    if (!live.filters.on) {
      show();
      return;
    }
    this.wanted = hit.at;
    this.show = show;
    live.filters.set([], []);
  }

  /** Goes where it was wanted to, once that can be asked for; false if that is nowhere. */
  resume(): boolean {
    if (!this.wanted) return false;
    const { show } = this;
    this.show = null;
    if (show) show();
    else this.jump(this.wanted, true);
    return true;
  }

  /** Reads what lies around a position, although some of it may be held; selects the line there if that is wanted. */
  around(position: string, select: boolean): void {
    const { live } = this;
    this.fresh = true;
    this.reselect = select;
    live.content.around(position);
    live.surface.following = false;
    live.surface.repaint();
    this.anchorAt = bare(position);
    live.content.readForth();
    live.content.readBack();
  }

  /** The person goes elsewhere. */
  forget(): void {
    this.anchorAt = '';
    this.reselect = false;
  }

  /** A page has come; place is where the server has found what was asked about. */
  paged(place: string): void {
    const { live } = this;
    // A file that was compressed since has another name for the same line.
    if (this.fresh) {
      this.fresh = false;
      if (parsePosition(place)) {
        const found = bare(place);
        if (live.painter.at === this.anchorAt) live.painter.at = found;
        live.bookmarks.renamed(this.anchorAt, found);
        this.anchorAt = found;
      }
    }
    const row = this.anchorAt ? live.window.find(this.anchorAt) : null;
    if (!row) return;
    if (this.reselect && live.window.position(row) === this.anchorAt) live.select(row.id);
    this.forget();
    live.surface.scrollToRow(row, 0.3);
  }

  /** What lies at the place cannot be read: the line that a link points to is gone. Say so, and show the live end. */
  failed(): void {
    if (!this.anchorAt) return;
    this.live.jumpFailed.value = true;
    this.live.follow();
  }
}
