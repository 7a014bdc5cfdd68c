// One log, watched live: joins the stream, the window on the log and the surface that shows it. What the rest of the page needs to
// know is in signals; it is set at most once per frame.

import { signal } from '@preact/signals';
import { LogWindow, type Row } from '../model/window';
import { Tail, after, endOf } from '../model/tail';
import { Stream } from '../stream/bridge';
import type { Batch, Beat, FromWorker, Page, Stats, StreamState } from '../stream/items';
import { RowPainter } from '../view/row';
import { Surface } from '../view/surface';
import { formatView, parseView, socketURL, type View } from './url';
import * as prefs from './prefs';
import { countLevels, measureFor, termsOf } from './looks';

/** Most lines and characters that the window holds; beyond, the far end is let go and read again when it is wanted. */
export const HOLD_LINES = 50_000;
export const HOLD_CHARS = 24 << 20;
/** Rows before the edge of what is held at which more is asked for. */
const NEAR = 150;
/** Pages without a matching line after which a search in history asks whether to go on. */
const ROUNDS = 20;

type Reading = { id: number; rounds: number } | null;

export class Live {
  readonly window = new LogWindow();
  readonly tail = new Tail();
  readonly painter: RowPainter;
  readonly surface: Surface;

  readonly state = signal<StreamState>({ phase: 'connecting', plugin: 'up', attempt: 0, retryAt: 0, error: null, server: '', capabilities: [], pageLines: 500 });
  readonly beat = signal<Beat | null>(null);
  readonly stats = signal<Stats>({ lines: 0, bytes: 0, gaps: 0, perSecond: 0, lastLineAt: 0, lastHeardAt: Date.now(), caughtUp: false });
  readonly following = signal(true);
  readonly newer = signal(0);
  readonly attached = signal(true);
  readonly head = signal<'' | 'loading' | 'beginning' | 'stopped' | 'gone'>('');
  readonly counts = signal<number[]>([0, 0, 0, 0, 0, 0, 0]);
  readonly held = signal(0);
  readonly view = signal<View>(parseView(''));
  readonly filterError = signal('');
  readonly filtering = signal(false);
  readonly selected = signal<number | null>(null);
  readonly drawer = signal(false);
  readonly jumpFailed = signal(false);
  /** Goes up whenever what is held or shown has changed. */
  readonly version = signal(0);

  private readonly stream: Stream;
  private batches: Batch[] = [];
  private frame = 0;
  private ids = 0;
  private back: Reading = null;
  private forth: Reading = null;
  private filterId = 0;
  /** The position after the last line that has come live. */
  private liveEnd = '';
  private anchorAt = '';
  private reselect = false;
  private jumping = '';
  private countsDue = 0;
  private stopped = false;
  private disposers: (() => void)[] = [];

  constructor(readonly log: string) {
    this.painter = new RowPainter(this.window);
    this.surface = new Surface(this.window, {
      paint: (element, row) => this.painter.paint(element, row),
      scrolled: (up) => this.onScrolled(up),
      rendered: (first, last) => this.onRendered(first, last),
    }, () => this.remeasure());
    this.view.value = parseView(location.search);
    this.jumping = this.view.value.at;
    this.applyTerms();
    this.disposers.push(prefs.wrap.subscribe(() => this.restyle()), prefs.size.subscribe(() => this.restyle()), prefs.dense.subscribe(() => this.restyle()));
    this.disposers.push(prefs.language.subscribe(() => this.repaint()));
    this.stream = new Stream((m) => this.receive(m));
    this.connect();
  }

  dispose(): void {
    this.stopped = true;
    cancelAnimationFrame(this.frame);
    this.stream.stop();
    this.surface.destroy();
    this.disposers.forEach((d) => d());
  }

  connect(change: Partial<View> = {}): void {
    this.setView(change);
    const v = this.view.value;
    this.accepted = { include: v.include, exclude: v.exclude };
    this.window.clear();
    this.tail.clear(true);
    this.liveEnd = '';
    this.back = this.forth = null;
    this.stream.open({
      url: socketURL(this.log, document.baseURI), log: this.log, ticketURL: new URL('-/ticket', document.baseURI).href, lines: v.lines, include: v.include, exclude: v.exclude,
      ...(v.from ? { from: v.from } : {}), ...(v.since ? { since: v.since } : {}), ...(v.wait ? { wait: true } : {}),
    });
  }

  retry(): void {
    this.stream.retry();
  }

  // ---- what comes from the worker

  private receive(m: FromWorker): void {
    switch (m.k) {
      case 'batch':
        this.batches.push(m.batch);
        this.schedule();
        break;
      case 'state': {
        const opened = m.state.phase === 'open' && this.state.value.phase !== 'open';
        this.state.value = m.state;
        if (m.state.phase !== 'open') this.back = this.forth = null;
        if (opened && this.jumping) this.jump(this.jumping);
        this.schedule();
        break;
      }
      case 'beat':
        this.beat.value = m.beat;
        break;
      case 'stats':
        this.stats.value = m.stats;
        break;
      case 'page':
        this.onPage(m.page);
        break;
      case 'filtered':
        if (m.id === this.filterId) this.onFiltered(m.at);
        break;
      case 'failed':
        this.onFailed(m.id, m.code, m.message);
        break;
    }
  }

  schedule(): void {
    if (this.frame === 0 && !this.stopped) this.frame = requestAnimationFrame(() => this.onFrame());
  }

  private onFrame(): void {
    this.frame = 0;
    const batch = this.batches.shift();
    if (batch) this.accept(batch);
    this.surface.render();
    if (batch) this.stream.ack();
    const now = performance.now();
    if (now >= this.countsDue) {
      this.countsDue = now + 400;
      this.recount();
    } else if (batch) setTimeout(() => this.schedule(), 420);
  }

  private accept(batch: Batch): void {
    this.liveEnd = endOf(batch.items) || batch.at || this.liveEnd;
    if (batch.at && batch.items.length === 0 && this.window.start === '') this.window.clear(batch.at);
    // The row of a long line says how much of it there is.
    if (batch.items.some((i) => i.k === 'lines' && (i.piece === 'middle' || i.piece === 'last'))) this.surface.repaint();
    const lines = batch.items.reduce((n, i) => n + (i.k === 'lines' ? i.starts.length : 0), batch.hole?.lines ?? 0);
    if (this.following.value) {
      // What was let go on the way lies in the log, above: scrolling up reads it.
      if (batch.hole) this.window.clear(batch.hole.to);
      this.window.append(after(batch.items, this.window.end));
      this.window.trimHead(HOLD_LINES, HOLD_CHARS);
      return;
    }
    this.newer.value += lines;
    if (this.attached.value && !batch.hole && this.window.lines + lines <= HOLD_LINES && this.window.chars < HOLD_CHARS) {
      this.window.append(after(batch.items, this.window.end));
      return;
    }
    if (this.attached.value) this.detach(true);
    if (batch.hole) this.tail.clear(false);
    this.tail.push(batch.items);
  }

  private detach(complete: boolean): void {
    this.attached.value = false;
    this.tail.clear(complete);
  }

  // ---- following and pausing

  pause(): void {
    if (!this.following.value) return;
    this.newer.value = 0;
    this.following.value = false;
    this.surface.following = false;
    this.schedule();
  }

  follow(): void {
    if (!this.attached.value) {
      if (!this.tail.complete) this.window.clear(this.tail.start || this.liveEnd);
      this.window.append(after(this.tail.items, this.window.end));
      this.tail.clear(true);
      this.attached.value = true;
      this.forth = null;
    }
    this.anchorAt = '';
    this.reselect = false;
    this.window.trimHead(HOLD_LINES, HOLD_CHARS);
    this.newer.value = 0;
    this.following.value = true;
    this.surface.following = true;
    this.schedule();
  }

  toggle(): void {
    if (this.following.value) this.pause();
    else this.follow();
  }

  private onScrolled(up: boolean): void {
    if (up) {
      this.pause();
      this.surface.following = false;
    } else if (this.attached.value && this.surface.below < 4) this.follow();
  }

  // ---- reading on at both ends

  private onRendered(first: Row | null, last: Row | null): void {
    const high = first ? first.top : 0;
    if (high < NEAR && !this.window.atBeginning && this.head.value !== 'stopped' && this.head.value !== 'gone') this.readBack();
    if (!this.attached.value && (last === null || this.window.height - last.top < NEAR)) this.readForth();
    this.head.value = this.window.atBeginning ? 'beginning' : this.back ? 'loading' : this.head.value === 'stopped' || this.head.value === 'gone' ? this.head.value : '';
    this.version.value++;
  }

  readBack(again = false): void {
    if (again) this.head.value = '';
    if (this.back || this.window.start === '' || this.state.value.phase !== 'open') return;
    this.back = { id: ++this.ids, rounds: 0 };
    this.stream.read(this.ids, this.window.start, true, this.state.value.pageLines);
  }

  private readForth(): void {
    if (this.forth || this.window.end === '' || this.state.value.phase !== 'open') return;
    if (this.tail.reachedBy(this.window.end)) {
      this.attach();
      return;
    }
    this.forth = { id: ++this.ids, rounds: 0 };
    this.stream.read(this.ids, this.window.end, false, this.state.value.pageLines);
  }

  private attach(): void {
    this.window.append(after(this.tail.items, this.window.end));
    this.window.trimHead(HOLD_LINES, HOLD_CHARS);
    this.tail.clear(true);
    this.attached.value = true;
    this.schedule();
  }

  private onPage(page: Page): void {
    if (this.back?.id === page.id) this.onBackPage(page, this.back);
    else if (this.forth?.id === page.id) this.onForthPage(page);
  }

  private onBackPage(page: Page, reading: NonNullable<Reading>): void {
    const stuck = page.start === this.window.start && page.items.length === 0;
    this.window.prepend(page.items, page.start, page.atBeginning || stuck);
    if (!this.following.value && this.window.trimTail(HOLD_LINES, HOLD_CHARS)) this.detach(false);
    if (page.items.length === 0 && !this.window.atBeginning) {
      if (reading.rounds + 1 >= ROUNDS) {
        this.back = null;
        this.head.value = 'stopped';
      } else {
        this.back = { id: ++this.ids, rounds: reading.rounds + 1 };
        this.stream.read(this.ids, this.window.start, true, this.state.value.pageLines);
      }
    } else this.back = null;
    this.schedule();
  }

  private onForthPage(page: Page): void {
    this.forth = null;
    this.window.append(after(page.items, this.window.end));
    this.window.end = page.end;
    this.window.trimHead(HOLD_LINES, HOLD_CHARS);
    if (this.tail.reachedBy(page.end) || (page.atEnd && this.tail.lines === 0)) this.attach();
    if (this.anchorAt) {
      const row = this.window.find(this.anchorAt);
      if (row) {
        if (this.reselect && this.window.position(row) === this.anchorAt) this.select(row.id);
        this.anchorAt = '';
        this.reselect = false;
        this.surface.scrollToRow(row, 0.3);
      }
    }
    this.schedule();
  }

  private onFailed(id: number, code: string, message: string): void {
    if (id === this.filterId) {
      if (this.filterAgain()) return;
      // What the server did not take must not stay in the address.
      this.setView(this.accepted);
      this.filterError.value = message || code;
      return;
    }
    const back = this.back?.id === id;
    if (back) this.back = null;
    else if (this.forth?.id === id) this.forth = null;
    if (code === 'disconnected') return;
    if (back) this.head.value = 'gone';
    else if (this.anchorAt) {
      // The line that a link points to is gone: say so, and show the live end.
      this.anchorAt = '';
      this.jumpFailed.value = true;
      this.follow();
    }
  }

  // ---- places

  /** Shows the log around a position, from its history. */
  jump(position: string): void {
    this.jumping = '';
    const held = this.window.find(position);
    if (held && this.window.position(held) === position) {
      this.pause();
      this.surface.scrollToRow(held, 0.3);
      this.select(held.id);
      return;
    }
    this.pause();
    this.showAround(position);
  }

  private showAround(position: string): void {
    this.window.clear(position);
    this.surface.repaint();
    this.detach(false);
    this.back = this.forth = null;
    this.head.value = '';
    this.anchorAt = position;
    this.readForth();
    this.readBack();
  }

  setFilter(include: string[], exclude: string[]): void {
    this.setView({ include, exclude });
    this.filterError.value = '';
    // One change at a time: what is wanted meanwhile is asked for when the answer is there.
    this.filterStale = this.filtering.value;
    if (this.filterStale) return;
    this.filtering.value = true;
    this.filterId = ++this.ids;
    this.stream.filter(this.filterId, include, exclude);
  }

  private filterStale = false;
  private accepted: { include: string[]; exclude: string[] } = { include: [], exclude: [] };
  private filterAgain(): boolean {
    this.filtering.value = false;
    if (!this.filterStale) return false;
    this.setFilter(this.view.value.include, this.view.value.exclude);
    return true;
  }

  private onFiltered(at: string): void {
    this.liveEnd = at;
    if (this.filterAgain()) return;
    this.accepted = { include: this.view.value.include, exclude: this.view.value.exclude };
    this.head.value = '';
    // The selected line is the place, if there is one: with the filter gone, it stands in its context.
    const chosen = this.selected.value === null ? null : this.window.row(this.selected.value);
    const top = chosen ?? (this.following.value ? null : this.surface.topRow());
    const place = top && !this.following.value ? this.window.position(top) : '';
    this.reselect = place !== '' && chosen !== null;
    this.selected.value = this.painter.selected = null;
    // Batches of the old filter that have not been shown yet are history by now, and are read as such.
    for (const _ of this.batches.splice(0)) this.stream.ack();
    if (place) this.showAround(place);
    else {
      this.window.clear(at);
      this.tail.clear(true);
      this.attached.value = true;
      this.back = this.forth = null;
      this.surface.repaint();
    }
    this.schedule();
  }

  // ---- looks

  setView(change: Partial<View>): void {
    const before = this.view.value;
    this.view.value = { ...before, ...change };
    if (change.search !== undefined || change.highlight) this.applyTerms();
    if (change.hide) this.remeasure(true);
    if (change.at !== undefined) this.painter.at = change.at;
    history.replaceState(history.state, '', location.pathname + formatView(location.search, this.view.value) + location.hash);
  }

  private applyTerms(): void {
    const { at, highlight, search } = this.view.value;
    this.painter.at = at;
    Object.assign(this.painter, termsOf(highlight, search));
    this.repaint();
  }

  repaint(): void {
    this.surface?.repaint();
    this.schedule();
  }

  select(id: number | null): void {
    this.selected.value = id;
    this.painter.selected = id;
    this.repaint();
  }

  private restyle(): void {
    if (!this.surface) return;
    this.surface.wrap = prefs.wrap.value;
    this.surface.unit = prefs.unit();
    this.surface.element.classList.toggle('wrap', prefs.wrap.value);
    this.surface.repaint();
    this.remeasure(true);
    this.schedule();
  }

  private columns = 0;
  private remeasure(force = false): void {
    const wrap = prefs.wrap.value;
    const columns = wrap ? this.surface.columns : 0;
    if (!force && columns === this.columns) return;
    this.columns = columns;
    this.window.setMeasure(measureFor(wrap, columns, this.view.value.hide));
    this.schedule();
  }

  private recount(): void {
    this.counts.value = countLevels(this.window);
    this.held.value = this.window.lines;
  }

  /** Items for tests and copying: rows from one id to another. */
  *rowsBetween(low: number, high: number): Generator<Row> {
    for (let row = this.window.row(Math.max(low, this.window.firstId)); row && row.id <= high; row = this.window.after(row)) yield row;
  }
}
