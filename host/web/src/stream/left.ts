// How far each generation was read that the log has left: lines may be written there still, and come late. Who comes back says so, and gets them.

import { parsePosition } from './position';

/** As many as a server takes. */
const MOST = 16;
/** For how long after a rotation late lines are looked for, in ms. */
const LATELY = 60_000;

export class Left {
  private list: { at: string; gen: string; since: number }[] = [];
  private heard = 0;

  /** Notes when something came. */
  hear(now: number): void {
    this.heard = now;
  }

  /** Notes that a generation that is not the present one was read up to a position. */
  note(position: string): void {
    const p = parsePosition(position);
    if (p === null) return;
    const before = this.list.find((l) => l.gen === p.gen);
    this.list = this.list.filter((l) => l.gen !== p.gen);
    this.list.push({ at: position, gen: p.gen, since: before?.since ?? this.heard });
    this.list = this.list.slice(-MOST);
  }

  clear(): void {
    this.list = [];
  }

  /** Those that were left within the minute before something came last, the latest last. How long ago that is does not matter. */
  lately(): string[] {
    return this.list.filter((l) => this.heard - l.since < LATELY).map((l) => l.at);
  }
}
