// One log, watched live: joins the stream, the window on the log and the surface that shows it. What the rest of the page needs to
// know is in signals; it is set at most once per frame.

import { signal } from '@preact/signals';
import { Held, type Head } from '../model/held';
import type { Row } from '../model/window';
import { MergedStream, Stream, type StreamLike } from '../stream/bridge';
import { bare, parsePosition } from '../stream/position';
import type { Batch, Beat, FromWorker, Stats, StreamState } from '../stream/items';
import { Addresses } from './addresses';
import { Hidden } from './hidden';
import { HistorySearch } from './search';
import { Times } from './times';
import { RowPainter } from '../view/row';
import { Surface } from '../view/surface';
import { formatView, parseView, socketURL, type View } from './url';
import * as prefs from './prefs';
import { countGaps, countLevels, measureFor, termsOf } from './looks';

/** Most lines and characters that the window holds; beyond, the far end is let go and read again when it is wanted. */
const LIMITS = { lines: 50_000, chars: 24 << 20 };
/** Rows before the edge of what is held at which more is asked for. */
const NEAR = 150;
export class Live {
  private readonly content = new Held(() => ++this.ids, (id, at, backward) => this.stream.read(id, at, backward, this.state.peek().pageLines), LIMITS);
  readonly window = this.content.window;
  readonly painter: RowPainter;
  readonly surface: Surface;

  readonly state = signal<StreamState>({ phase: 'connecting', plugin: 'up', attempt: 0, retryAt: 0, error: null, server: '', capabilities: [], pageLines: 500 });
  readonly beat = signal<Beat | null>(null);
  readonly stats = signal<Stats>({ lines: 0, bytes: 0, gaps: 0, perSecond: 0, lastLineAt: 0, lastHeardAt: Date.now(), caughtUp: false });
  readonly following = signal(true);
  readonly newer = signal(0);
  readonly attached = signal(true);
  readonly head = signal<Head>('');
  readonly counts = signal<number[]>([0, 0, 0, 0, 0, 0, 0]);
  readonly held = signal(0);
  /** Gaps in what is held; history may have more than what came live. */
  readonly gapsHeld = signal(0);
  readonly view = signal<View>(parseView(''));
  readonly filterError = signal('');
  readonly filtering = signal(false);
  readonly selected = signal<number | null>(null);
  readonly drawer = signal(false);
  readonly jumpFailed = signal(false);
  /** Goes up whenever what is held or shown has changed. */
  readonly version = signal(0);

  readonly search = new HistorySearch(() => ++this.ids, (m) => this.stream.scan(m), (id) => this.stream.cancel(id));
  readonly times: Times = new Times(this, () => ++this.ids);

  readonly hidden = new Hidden(this);
  readonly addresses: Addresses = new Addresses(this, () => ++this.ids);

  readonly stream: StreamLike;
  /** What is shown: one log, or several merged by time. */
  readonly logs: readonly string[];
  private batches: Batch[] = [];
  private frame = 0;
  private ids = 0;
  private filterId = 0;
  private anchorAt = '';
  private reselect = false;
  private jumping = '';
  private countsDue = 0;
  private stopped = false;
  private news = 0;
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
    this.disposers.push(prefs.wrap.subscribe(() => this.restyle()), prefs.size.subscribe(() => this.restyle()), prefs.dense.subscribe(() => this.restyle()), prefs.fold.subscribe(() => this.hidden.refold()));
    this.disposers.push(prefs.language.subscribe(() => this.repaint()));
    this.logs = [log, ...this.view.value.others];
    this.painter.logs = this.logs;
    this.stream = this.logs.length > 1 ? new MergedStream(this.logs, (l) => socketURL(l, document.baseURI), (m) => this.receive(m)) : new Stream((m) => this.receive(m));
    this.news = window.setInterval(() => this.times.tick(), 1000);
    this.connect();
  }

  dispose(): void {
    this.stopped = true;
    clearInterval(this.news);
    cancelAnimationFrame(this.frame);
    this.stream.stop();
    this.surface.destroy();
    this.disposers.forEach((d) => d());
  }

  connect(change: Partial<View> = {}): void {
    this.setView(change);
    const v = this.view.value;
    this.accepted = { include: v.include, exclude: v.exclude };
    this.content.clear();
    this.times.begun = false;
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
        if (m.state.phase !== 'open') {
          this.content.forget();
          this.times.counts.forget();
        }
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
        if (this.times.page(m.page.id, m.page.start)) break;
        if (this.addresses.answered(m.page.id, m.page.start)) break;
        {
          const place = this.content.page(m.page);
          if (place) this.onPage(place);
        }
        break;
      case 'scanned':
        if (m.message.t === 'found') this.search.found(m.message);
        else this.times.counted(m.message);
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
    // The row of a long line says how much of it there is.
    if (prefs.fold.peek() || batch.items.some((i) => i.k === 'lines' && (i.piece === 'middle' || i.piece === 'last'))) this.surface.repaint();
    this.content.accept(batch);
    this.tell();
  }

  // Passes on what the components show.
  private tell(): void {
    this.following.value = this.content.following;
    this.attached.value = this.content.attached;
    this.newer.value = this.content.newer;
    this.head.value = this.content.head;
    // For style sheets and tests: how far what is held reaches.
    this.surface.element.dataset.head = this.content.head;
    this.surface.element.dataset.tail = this.content.attached ? 'live' : 'away';
  }

  // ---- following and pausing

  pause(): void {
    if (!this.content.following) return;
    this.content.pause();
    this.surface.following = false;
    this.tell();
    this.schedule();
  }

  follow(): void {
    this.content.follow();
    this.anchorAt = '';
    this.reselect = false;
    this.surface.following = true;
    this.tell();
    this.schedule();
  }

  toggle(): void {
    if (this.following.value) this.pause();
    else this.follow();
  }

  private onScrolled(up: boolean): void {
    if (up) this.pause();
    else if (this.content.attached && this.surface.below < 4) this.follow();
  }

  // ---- reading on at both ends

  private onRendered(first: Row | null, last: Row | null): void {
    if (this.state.peek().phase === 'open') {
      if ((first?.top ?? 0) < NEAR) this.content.readBack();
      if (last === null || this.window.height - last.top < NEAR) this.content.readForth();
    }
    this.tell();
    this.version.value++;
  }

  /** Goes on with a search in history that has been given up. */
  readBack(): void {
    this.content.readBack(true);
    this.tell();
  }

  private onPage(place: string): void {
    // A file that was compressed since has another name for the same line.
    if (this.fresh) {
      this.fresh = false;
      if (parsePosition(place)) {
        const found = bare(place);
        if (this.painter.at === this.anchorAt) this.painter.at = found;
        this.anchorAt = found;
      }
    }
    const row = this.anchorAt ? this.window.find(this.anchorAt) : null;
    if (row) {
      if (this.reselect && this.window.position(row) === this.anchorAt) this.select(row.id);
      this.anchorAt = '';
      this.reselect = false;
      this.surface.scrollToRow(row, 0.3);
    }
    this.schedule();
  }

  private onFailed(id: number, code: string, message: string): void {
    if (this.search.failed(id, code, message)) return;
    if (this.times.failed(id, code)) return;
    if (this.addresses.answered(id, '')) return;
    if (id === this.filterId) {
      if (this.filterAgain()) return;
      // What the server did not take must not stay in the address.
      this.setView(this.accepted);
      this.filterError.value = message || code;
      return;
    }
    const direction = this.content.failed(id, code);
    if (direction === 'forth' && code !== 'disconnected' && this.anchorAt) {
      // The line that a link points to is gone: say so, and show the live end.
      this.jumpFailed.value = true;
      this.follow();
    }
    this.schedule();
  }

  // ---- places

  /** Shows the log around a position, from its history. */
  jump(position: string): void {
    this.jumping = '';
    const held = this.window.find(position);
    if (held && this.window.position(held) === bare(position)) {
      this.pause();
      this.surface.scrollToRow(held, 0.3);
      this.select(held.id);
      return;
    }
    this.pause();
    this.showAround(position);
  }

  /** A match of a search, in its context: without the filter, which may hide what stands around it. */
  showMatch(position: string): void {
    this.jumpFailed.value = false;
    const { include, exclude } = this.view.value;
    if (include.length + exclude.length === 0) {
      this.reselect = true;
      this.jump(position);
      return;
    }
    this.jumping = position;
    this.setFilter([], []);
  }

  private fresh = false;
  private showAround(position: string): void {
    this.fresh = true;
    this.content.around(position);
    this.surface.following = false;
    this.surface.repaint();
    this.anchorAt = bare(position);
    this.content.readForth();
    this.content.readBack();
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
    if (this.filterAgain()) return;
    this.accepted = { include: this.view.value.include, exclude: this.view.value.exclude };
    // The selected line is the place, if there is one: with the filter gone, it stands in its context.
    const chosen = this.selected.value === null ? null : this.window.row(this.selected.value);
    const top = chosen ?? (this.content.following ? null : this.surface.topRow());
    const place = top && !this.content.following ? this.window.position(top) : '';
    this.reselect = place !== '' && chosen !== null;
    this.selected.value = this.painter.selected = null;
    if (at) this.times.refilter(at);
    // Batches of the old filter that have not been shown yet are history by now, and are read as such.
    for (const _ of this.batches.splice(0)) this.stream.ack();
    if (this.jumping) {
      const wanted = this.jumping;
      this.jumping = '';
      this.reselect = true;
      this.pause();
      this.showAround(wanted);
    } else if (place) this.showAround(place);
    else {
      this.content.clear(at);
      this.surface.repaint();
    }
    this.schedule();
  }

  get canScan(): boolean {
    return this.state.value.capabilities.includes('scan');
  }

  /** Everything there was has been received, and what is held reaches to the newest line. */
  get settled(): boolean {
    return this.stats.peek().caughtUp && this.content.attached;
  }

  // ---- looks

  setView(change: Partial<View>): void {
    const before = this.view.value;
    this.view.value = { ...before, ...change };
    if (change.search !== undefined || change.highlight) this.applyTerms();
    if (change.hide || change.muted) this.remeasure(true);
    if (change.at !== undefined) this.painter.at = bare(change.at);
    history.replaceState(history.state, '', location.pathname + formatView(location.search, this.view.value) + location.hash);
  }

  private applyTerms(): void {
    const { at, highlight, search } = this.view.value;
    this.painter.at = bare(at);
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
  remeasure(force = false): void {
    const wrap = prefs.wrap.value;
    const columns = wrap ? this.surface.columns : 0;
    if (!force && columns === this.columns) return;
    this.columns = columns;
    this.window.setMeasure(measureFor(wrap, columns, this.view.value.hide, prefs.fold.value, this.hidden.unfolded, new Set(this.view.value.muted)));
    this.schedule();
  }

  private recount(): void {
    this.counts.value = countLevels(this.window);
    this.gapsHeld.value = countGaps(this.window);
    this.held.value = this.window.lines;
  }

  /** Items for tests and copying: rows from one id to another. */
  *rowsBetween(low: number, high: number): Generator<Row> {
    for (let row = this.window.row(Math.max(low, this.window.firstId)); row && row.id <= high; row = this.window.after(row)) yield row;
  }
}
