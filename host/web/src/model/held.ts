// What the page holds of a log, and how it grows at both ends: live lines, pages of history, the newest lines kept aside. Knows
// nothing of how it is shown, so that tests can drive it against a model.

import { linesOf, type Batch, type Item, type Page } from '../stream/items';
import { samePosition } from '../stream/position';
import { Tail, after, endOf } from './tail';
import { LogWindow } from './window';

export interface Limits {
  lines: number;
  chars: number;
}

/** Asks for a page; the answer comes to page or failed, with the same id. */
export type Read = (id: number, at: string, backward: boolean) => void;

interface Reading {
  id: number;
  at: string;
  rounds: number;
}

/** How two stretches are joined by position, and what the newest ones are. */
export interface Joint {
  /** What of the items lies after a position. */
  after(items: Item[], position: string): Item[];
  /** Nothing is missing between a position and the tail. atEnd: nothing comes after the position. */
  reached(tail: Tail, position: string, atEnd: boolean): boolean;
  /** Items have come live. */
  came?(items: Item[]): void;
  /** What comes live goes on at a position. */
  skipped?(at: string): void;
  /** The tail begins anew, with what comes from now on. */
  begun?(tail: Tail): void;
  /** The position where the tail begins; where there is none, that of the first line, or the live end. */
  start?(tail: Tail): string;
}

const oneLog: Joint = { after, reached: (tail, position, atEnd) => tail.reachedBy(position) || (atEnd && tail.lines === 0) };

/** What lies before the first line that is held. */
export type Head = '' | 'loading' | 'beginning' | 'stopped' | 'gone';

/** Pages without a matching line after which a search in history asks whether to go on. */
const ROUNDS = 20;

export class Held {
  readonly window = new LogWindow();
  readonly tail: Tail;
  /** New lines are what the window is for: the oldest go when it is full. Otherwise the window stays as it is. */
  following = true;
  /** The window reaches to the newest line; otherwise the newest are in the tail, and something lies between. */
  attached = true;
  /** Lines that have come since following ended. */
  newer = 0;
  private back: Reading | null = null;
  private forth: Reading | null = null;
  private stop: '' | 'stopped' | 'gone' = '';
  /** The position after the last line that has come live. */
  private liveEnd = '';
  private stuck = false;

  constructor(private readonly nextId: () => number, private readonly read: Read, private readonly limits: Limits, tailLines = 5_000, public joint: Joint = oneLog) {
    this.tail = new Tail(tailLines);
  }

  /** Begins anew, with nothing, or empty at a position of the live end. */
  clear(at = ''): void {
    this.window.clear(at);
    this.tail.clear(true);
    this.attached = true;
    this.liveEnd = at;
    if (at) this.joint.skipped?.(at);
    this.forget();
    this.stop = '';
  }

  /** Gives up what has been asked for: the answers will not come, or nobody wants them. */
  forget(): void {
    this.back = this.forth = null;
    this.stuck = false;
  }

  get head(): Head {
    if (this.window.atBeginning) return 'beginning';
    return this.back ? 'loading' : this.stop;
  }

  accept(batch: Batch): void {
    this.take(batch);
    this.joint.came?.(batch.items);
  }

  private take(batch: Batch): void {
    this.stuck = false;
    if (batch.hole) this.joint.skipped?.(batch.hole.to);
    this.liveEnd = endOf(batch.items) || batch.at || this.liveEnd;
    if (batch.at && batch.items.length === 0 && this.window.start === '') this.window.clear(batch.at);
    const lines = linesOf(batch.items) + (batch.hole?.lines ?? 0);
    if (this.following) {
      // What was let go on the way lies in the log, above: scrolling up reads it.
      if (batch.hole) this.window.clear(batch.hole.to);
      this.grow(batch.items);
      return;
    }
    this.newer += lines;
    const room = this.window.lines + lines <= this.limits.lines && this.window.chars < this.limits.chars;
    if (this.attached && !batch.hole && room) {
      this.window.append(this.joint.after(batch.items, this.window.end));
      return;
    }
    if (this.attached) this.detach(true);
    if (batch.hole) this.miss();
    this.tail.push(batch.items);
  }

  pause(): void {
    if (this.following) this.newer = 0;
    this.following = false;
  }

  /** Goes to the newest lines, and on with them. */
  follow(): void {
    if (!this.attached) {
      if (!this.tail.complete) this.window.clear(this.joint.start?.(this.tail) ?? (this.tail.start || this.liveEnd));
      this.attach();
      this.forth = null;
    }
    this.following = true;
    this.newer = 0;
    this.trimHead();
  }

  /** Shows the log around a position: an empty window there, which pages fill in both directions. */
  around(position: string): void {
    this.pause();
    this.window.clear(position);
    this.detach(false);
    this.forget();
    this.stop = '';
  }

  /** Asks for what comes before the window, unless that is under way or pointless. again: although it was given up. */
  readBack(again = false): void {
    if (again) this.stop = '';
    if (this.back || this.stop || this.window.start === '' || this.window.atBeginning) return;
    this.askBack(0);
  }

  /** Asks for what comes after the window, until it reaches the newest lines. */
  readForth(): void {
    if (this.attached || this.forth || this.stuck || this.window.end === '') return;
    if (this.joint.reached(this.tail, this.window.end, false)) {
      this.attach();
      this.trimHead();
      return;
    }
    this.forth = { id: this.nextId(), at: this.window.end, rounds: 0 };
    this.read(this.forth.id, this.forth.at, false);
  }

  /** Takes a page; says where the server has found the place that was asked about, '' if nobody waits for the page. */
  page(page: Page): string {
    if (this.back?.id === page.id) {
      this.backPage(page, this.back);
      return page.end || ' ';
    }
    if (this.forth?.id === page.id) {
      this.forthPage(page, this.forth);
      return page.start || ' ';
    }
    return '';
  }

  /** Notes that a page will not come; says in which direction, '' if it was none that is waited for. */
  failed(id: number, code: string): '' | 'back' | 'forth' {
    if (this.back?.id === id) {
      this.back = null;
      if (code !== 'disconnected') this.stop = 'gone';
      return 'back';
    }
    if (this.forth?.id !== id) return '';
    this.forth = null;
    this.stuck = code !== 'disconnected';
    return 'forth';
  }

  private askBack(rounds: number): void {
    this.back = { id: this.nextId(), at: this.window.start, rounds };
    this.read(this.back.id, this.back.at, true);
  }

  private backPage(page: Page, reading: Reading): void {
    this.back = null;
    // The window may have lost its beginning meanwhile: then the page does not fit any more.
    if (reading.at !== this.window.start) return;
    const still = page.items.length === 0 && samePosition(page.start, reading.at);
    this.window.prepend(page.items, page.start, page.atBeginning || still);
    if (!this.following && this.window.trimTail(this.limits.lines, this.limits.chars)) this.detach(false);
    if (page.items.length > 0 || this.window.atBeginning) return;
    if (reading.rounds + 1 < ROUNDS) this.askBack(reading.rounds + 1);
    else this.stop = 'stopped';
  }

  private forthPage(page: Page, reading: Reading): void {
    this.forth = null;
    if (reading.at !== this.window.end) return;
    this.window.append(this.joint.after(page.items, this.window.end));
    this.window.end = page.end;
    this.trimHead();
    if (this.joint.reached(this.tail, page.end, page.atEnd)) this.attach();
    else this.stuck = page.items.length === 0 && samePosition(page.end, reading.at);
    this.trimHead();
  }

  private grow(items: Batch['items']): void {
    this.window.append(this.joint.after(items, this.window.end));
    this.trimHead();
  }

  private attach(): void {
    this.window.append(this.joint.after(this.tail.items, this.window.end));
    this.tail.clear(true);
    this.attached = true;
  }

  private detach(complete: boolean): void {
    this.attached = false;
    if (complete) this.tail.clear(true);
    else this.miss();
  }

  // What lies before the tail from now on is in the log, and nowhere else.
  private miss(): void {
    this.tail.clear(false);
    this.joint.begun?.(this.tail);
  }

  private trimHead(): void {
    this.window.trimHead(this.limits.lines, this.limits.chars);
  }
}
