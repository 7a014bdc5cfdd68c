// One log, watched live: joins the stream, the window on the log and the surface that shows it. What the rest of the page needs to
// know is in signals; it is set at most once per frame.

import { signal, type Signal } from '@preact/signals';
import { words } from '../i18n/text';
import { edgesOf } from '../model/edges';
import { Held, type Head } from '../model/held';
import { MergedJoint } from '../model/mergedjoint';
import type { Row } from '../model/window';
import { MergedStream, Stream, type StreamLike } from '../stream/bridge';
import { bare } from '../stream/position';
import { linesOf, type Batch, type Beat, type FromWorker, type Stats, type StreamState } from '../stream/items';
import { Addresses } from './addresses';
import { Bookmarks } from './bookmarks';
import { ChipCounts } from './chipcounts';
import { EDGE_CELLS, Edge } from './edge';
import { Hidden } from './hidden';
import { HistorySearch } from './search';
import { Times } from './times';
import { RowPainter } from '../view/row';
import { Surface } from '../view/surface';
import { opened as visited } from './favourites';
import { note, type Pane } from './panes';
import { Filters } from './filters';
import { timeAt } from './find';
import { Places } from './places';
import { lineOf, socketURL, type View } from './url';
import * as prefs from './prefs';
import { countGaps, countLevels, measureFor, termsOf } from './looks';

/** Most lines and characters that the window holds; beyond, the far end is let go and read again when it is wanted. */
const LIMITS = { lines: 50_000, chars: 24 << 20 };
/** Rows before the edge of what is held at which more is asked for. */
const NEAR = 150;
export class Live {
  readonly content: Held = new Held(() => ++this.ids, (id, at, backward) => this.stream.read(id, at, backward, this.state.peek().pageLines), LIMITS);
  readonly window = this.content.window;
  readonly painter: RowPainter;
  readonly surface: Surface;

  readonly state = signal<StreamState>({ phase: 'connecting', plugin: 'up', attempt: 0, retryAt: 0, error: null, server: '', capabilities: [], pageLines: 500, zones: [''], traceURL: '' });
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
  readonly view: Signal<View>;
  readonly selected = signal<number | null>(null);
  readonly drawer = signal(false);
  readonly jumpFailed = signal(false);
  /** Goes up whenever what is held or shown has changed. */
  readonly version = signal(0);

  readonly search = new HistorySearch(() => ++this.ids, (m) => this.stream.scan(m), (id) => this.stream.cancel(id));
  readonly times: Times = new Times(this, () => ++this.ids);

  readonly hidden = new Hidden(this);
  readonly addresses: Addresses = new Addresses(this, () => ++this.ids);
  readonly bookmarks: Bookmarks = new Bookmarks(this);
  readonly chips: ChipCounts = new ChipCounts(this, () => ++this.ids);
  readonly edge: Edge = new Edge(this, () => ++this.ids);
  readonly filters: Filters;
  readonly places: Places;

  readonly stream: StreamLike;
  /** The same, if it is several logs. */
  readonly merged: MergedStream | null = null;
  /** What is shown: one log, or several merged by time. */
  readonly logs: readonly string[];
  private batches: Batch[] = [];
  private frame = 0;
  private ids = 0;
  private counting = 0;
  private countsDue = 0;
  private stopped = false;
  private news = 0;
  private disposers: (() => void)[] = [];

  readonly log: string;

  constructor(readonly pane: Pane) {
    this.log = pane.log;
    this.view = signal(pane.view);
    this.filters = new Filters(this, () => ++this.ids);
    this.places = new Places(this, pane.view.at);
    this.painter = new RowPainter(this.window);
    this.surface = new Surface(this.window, {
      paint: (element, row) => this.painter.paint(element, row),
      scrolled: (up) => this.onScrolled(up),
      rendered: (first, last) => this.onRendered(first, last),
    }, () => this.remeasure());
    this.applyTerms();
    this.disposers.push(prefs.wrap.subscribe(() => this.restyle()), prefs.size.subscribe(() => this.restyle()), prefs.dense.subscribe(() => this.restyle()), prefs.edge.subscribe(() => this.restyle()), prefs.fold.subscribe(() => this.hidden.refold()));
    this.disposers.push(words.subscribe(() => this.repaint()), prefs.summary.subscribe(() => this.hidden.summarize()));
    this.logs = [this.log, ...this.view.value.others];
    this.painter.logs = this.logs;
    if (this.logs.length > 1) {
      const merged = new MergedStream(this.logs, (l) => socketURL(l, document.baseURI), (m) => this.receive(m), (at) => edgesOf(this.window, this.logs.length, at, this.content.attached));
      this.content.joint = new MergedJoint(this.logs.length, merged.places, merged.name, merged.end);
      this.stream = this.merged = merged;
    } else this.stream = new Stream((m) => this.receive(m));
    this.painter.kept = (row) => this.bookmarks.has(row);
    this.news = window.setInterval(() => {
      this.times.tick();
      this.chips.tick();
    }, 1000);
    this.connect();
  }

  dispose(): void {
    this.stopped = true;
    clearInterval(this.news);
    clearTimeout(this.counting);
    cancelAnimationFrame(this.frame);
    this.stream.stop();
    this.hidden.dispose();
    this.surface.destroy();
    this.disposers.forEach((d) => d());
  }

  connect(change: Partial<View> = {}): void {
    this.setView(change);
    const v = this.view.value;
    this.filters.begin();
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
        this.window.zones = m.state.zones;
        this.state.value = m.state;
        if (m.state.phase !== 'open') {
          this.content.forget();
          this.times.counts.forget();
        }
        if (opened) {
          [...this.logs].reverse().forEach(visited);
          this.places.opened();
        }
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
        else if (!this.times.counted(m.message) && !this.chips.counted(m.message)) this.edge.counted(m.message);
        break;
      case 'filtered':
        if (this.filters.taken(m.id)) this.onFiltered(m.at);
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
    if (batch) this.acknowledge(batch);
    const now = performance.now();
    if (now >= this.countsDue) this.recount();
    else if (batch) this.counting ||= window.setTimeout(() => this.recount(), 420);
  }

  // Where a batch replaces all that is in sight, nobody sees twice as many of them: the next comes a frame later.
  private acknowledge(batch: Batch): void {
    if (linesOf(batch.items) < this.surface.viewRows) this.stream.ack();
    else requestAnimationFrame(() => this.stream.ack());
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
    this.places.forget();
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
    this.edge.follow(first);
    this.tell();
    this.version.value++;
  }

  /** Goes on with a search in history that has been given up. */
  readBack(): void {
    this.content.readBack(true);
    this.tell();
  }

  private onPage(place: string): void {
    this.places.paged(place);
    this.schedule();
  }

  private onFailed(id: number, code: string, message: string): void {
    if (this.search.failed(id, code, message)) return;
    if (this.times.failed(id, code) || this.chips.failed(id, code) || this.edge.failed(id, code)) return;
    if (this.addresses.answered(id, '')) return;
    if (this.filters.failed(id, message || code)) return;
    const direction = this.content.failed(id, code);
    if (direction === 'forth' && code !== 'disconnected') this.places.failed();
    this.schedule();
  }

  // ---- the filter

  private onFiltered(at: string): void {
    // The selected line is the place, if there is one: with the filter gone, it stands in its context.
    const chosen = this.selected.value === null ? null : this.window.row(this.selected.value);
    const top = chosen ?? (this.content.following ? null : this.surface.topRow());
    const place = top && !this.content.following ? this.window.position(top) : '';
    const time = place && this.merged ? timeAt(this) : null;
    this.selected.value = this.painter.selected = null;
    if (at) this.times.refilter(at);
    // Batches of the old filter that have not been shown yet are history by now, and are read as such.
    for (const _ of this.batches.splice(0)) this.stream.ack();
    // What is held has passed the old filter.
    this.content.clear(at);
    this.surface.repaint();
    if (!this.places.resume()) {
      if (place) this.places.jump(place, chosen !== null, top?.block.kind === 'lines' ? top.block.part : 0, time);
      else this.places.forget();
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
    if (change.at !== undefined) this.painter.at = bare(lineOf(change.at).position);
    note(this.pane, this.view.value);
  }

  private applyTerms(): void {
    const { at, highlight, search } = this.view.value;
    this.painter.at = bare(lineOf(at).position);
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

  restyle(): void {
    if (!this.surface) return;
    this.surface.wrap = prefs.wrap.value;
    this.surface.unit = prefs.unit();
    this.surface.edge = EDGE_CELLS[prefs.edge.value];
    this.painter.edge = prefs.edge.value === 'none' ? null : (row) => this.edge.label(row);
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
    clearTimeout(this.counting);
    this.counting = 0;
    this.countsDue = performance.now() + 400;
    this.counts.value = countLevels(this.window);
    this.gapsHeld.value = countGaps(this.window);
    this.held.value = this.window.lines;
  }

  /** Items for tests and copying: rows from one id to another. */
  *rowsBetween(low: number, high: number): Generator<Row> {
    for (let row = this.window.row(Math.max(low, this.window.firstId)); row && row.id <= high; row = this.window.after(row)) yield row;
  }
}
