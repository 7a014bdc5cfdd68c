// Lines over time, as the server counts them: what it says is added up in buckets. First back through history, newest first, within a
// bound; then on with what is new, from where it has counted to. Knows nothing of how it is shown or sent.

import type { CountedMessage, ScanRange } from '../stream/protocol';

/** Widths of buckets that people can read off a clock, in ms. */
export const WIDTHS = [10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000, 900_000, 1_800_000, 3_600_000, 7_200_000, 14_400_000, 21_600_000, 43_200_000, 86_400_000, 172_800_000, 604_800_000];

/** Lengths of the stretch of time that is shown, in ms. */
export const SPANS = [60_000, 300_000, 900_000, 3_600_000, 21_600_000, 86_400_000, 604_800_000, 2_592_000_000];

/** Bytes that are counted unasked; beyond, the person decides. */
const UNASKED = 256 << 20;
/** Bytes of one count of what is new. */
const NEWS = 64 << 20;

/** Narrowest bucket that shows a stretch in at most so many. */
export function widthFor(span: number, most: number): number {
  return WIDTHS.find((w) => span / w <= most) ?? Math.ceil(span / most);
}

/** Shortest of the lengths that holds a stretch. */
export function spanFor(stretch: number): number {
  return SPANS.find((s) => s >= stretch) ?? SPANS[SPANS.length - 1];
}

export interface Bucket {
  /** Other lines, warnings, errors. */
  quiet: number;
  warn: number;
  error: number;
}

export interface Range {
  from: number;
  to: number;
}

/** Asks the server to count; the answers come to counted or failed with the same id. */
export type Ask = (id: number, bucketMs: number, range: ScanRange) => void;

export class Counts {
  readonly buckets = new Map<number, Bucket>();
  width = 1000;
  /** What is shown: the newest so many ms, or a stretch that stays. */
  span = SPANS[1];
  fixed: Range | null = null;
  /** How far back it has been counted; 0 if not at all. */
  back = 0;
  backState: '' | 'counting' | 'all' | 'stopped' = '';
  left = 0;
  /** The end of the newest bucket. */
  newest = 0;
  private newsAt = '';
  private backAt = '';
  private backId = 0;
  private newsId = 0;
  private budget = 0;
  private include: string[] = [];
  private exclude: string[] = [];

  constructor(private readonly nextId: () => number, private readonly ask: Ask, private readonly cancel: (id: number) => void, private readonly most = 240) {}

  get range(): Range {
    if (this.fixed) return this.fixed;
    const to = this.newest || Date.now();
    return { from: to - this.span, to };
  }

  get counting(): boolean {
    return this.backId !== 0;
  }

  /** Begins anew at a position, which everything is counted from in both directions. */
  begin(at: string, include: string[], exclude: string[]): void {
    this.newsAt = at;
    this.include = include;
    this.exclude = exclude;
    this.recount();
  }

  /** Shows the newest so many ms. */
  show(span: number): void {
    this.span = span;
    this.fixed = null;
    this.recount();
  }

  /** Shows a stretch of time. */
  zoom(range: Range): void {
    this.fixed = range;
    this.recount();
  }

  /** Counts further back than it would by itself. */
  further(): void {
    if (this.backState !== 'stopped') return;
    this.budget = UNASKED;
    this.askBack();
  }

  /** Counts what is new, unless that is under way. */
  news(): void {
    if (this.newsId !== 0 || this.newsAt === '' || this.fixed !== null) return;
    this.newsId = this.nextId();
    this.ask(this.newsId, this.width, { at: this.newsAt, ...this.filter, bytes: NEWS });
  }

  counted(m: CountedMessage): boolean {
    if (m.id !== this.backId && m.id !== this.newsId) return false;
    for (const b of m.buckets) this.add(b);
    if (m.id === this.newsId) {
      if (m.at) this.newsAt = m.at;
      if (m.end) {
        this.newsId = 0;
        this.prune();
        if (m.end === 'limit') this.news();
      }
      return true;
    }
    if (m.at) this.backAt = m.at;
    if (m.time_ms !== null) this.back = m.time_ms;
    this.left = m.left;
    // Without a fixed end, the newest line is known only now, and with it how far back is far enough.
    const far = !this.fixed && this.newest > 0 && this.back > 0 && this.back < this.newest - this.span;
    if (m.end) {
      this.backId = 0;
      this.budget -= m.scanned;
      if (m.end === 'all' || far) this.backState = 'all';
      else if (this.budget > 0) this.askBack();
      else this.backState = 'stopped';
    } else if (far) this.cancel(m.id);
    return true;
  }

  failed(id: number, code: string): boolean {
    if (id !== this.backId && id !== this.newsId) return false;
    if (id === this.newsId) {
      this.newsId = 0;
      return true;
    }
    this.backId = 0;
    // Cancelled because it was far enough; anything else stops it until it is asked for again.
    this.backState = code === 'cancelled' ? 'all' : 'stopped';
    return true;
  }

  /** Gives up what has been asked for: the answers will not come. */
  forget(): void {
    if (this.backId !== 0) this.backState = 'stopped';
    this.backId = this.newsId = 0;
  }

  private get filter(): ScanRange {
    return { ...(this.include.length ? { include: this.include } : {}), ...(this.exclude.length ? { exclude: this.exclude } : {}) };
  }

  private recount(): void {
    if (this.backId !== 0) this.cancel(this.backId);
    if (this.newsId !== 0) this.cancel(this.newsId);
    this.backId = this.newsId = 0;
    this.buckets.clear();
    this.back = this.left = 0;
    if (!this.fixed) this.newest = 0;
    const length = this.fixed ? this.fixed.to - this.fixed.from : this.span;
    this.width = widthFor(length, this.most);
    this.backAt = '';
    this.budget = UNASKED;
    this.backState = '';
    if (this.newsAt !== '') this.askBack();
  }

  private askBack(): void {
    this.backId = this.nextId();
    this.backState = 'counting';
    const bounds = this.fixed ? { since_ms: Math.floor(this.fixed.from), until_ms: Math.ceil(this.fixed.to) } : {};
    const at = this.backAt || (this.fixed ? '' : this.newsAt);
    this.ask(this.backId, this.width, { ...(at ? { at } : {}), backward: true, ...bounds, ...this.filter, bytes: Math.min(this.budget, NEWS) });
  }

  // A bucket of the message: when it begins, lines without a level, of trace, debug, info, warn, error, fatal.
  private add([start, none = 0, trace = 0, debug = 0, info = 0, warn = 0, error = 0, fatal = 0]: number[]): void {
    const b = this.bucket(start);
    b.quiet += none + trace + debug + info;
    b.warn += warn;
    b.error += error + fatal;
  }

  private bucket(start: number): Bucket {
    let b = this.buckets.get(start);
    if (!b) {
      b = { quiet: 0, warn: 0, error: 0 };
      this.buckets.set(start, b);
    }
    if (!this.fixed) this.newest = Math.max(this.newest, start + this.width);
    return b;
  }

  // What has gone out of sight at the left is not kept.
  private prune(): void {
    if (this.fixed || this.buckets.size < 2 * this.most) return;
    const { from } = this.range;
    for (const start of this.buckets.keys()) if (start + this.width < from) this.buckets.delete(start);
  }
}
