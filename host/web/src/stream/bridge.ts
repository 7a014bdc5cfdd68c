// The page's side of the stream: the worker, behind plain calls.

import workerURL from './worker.ts?worker&url';
import { Merger } from './merge';
import { FIRST_ID, type Edges, type Place } from './mergepages';
import { MergedScans } from './mergedscan';
import type { FromWorker, OpenRequest, Posted, ToWorker } from './items';
import { unpack } from './packed';
import type { ScanMessage } from './protocol';
import { scriptURL } from '../trusted';

/** What the page needs of a stream: one log, or several as one. */
export interface StreamLike {
  open(request: OpenRequest): void;
  ack(): void;
  read(id: number, at: string | number, backward: boolean, lines: number): void;
  scan(message: ScanMessage): void;
  cancel(id: number): void;
  filter(id: number, include: string[], exclude: string[]): void;
  retry(): void;
  stop(): void;
}

export class Stream implements StreamLike {
  private readonly worker: Worker;

  constructor(receive: (message: FromWorker) => void) {
    this.worker = new Worker(scriptURL(new URL(workerURL, import.meta.url)), { type: 'module', name: 'livetail stream' });
    this.worker.addEventListener('message', ({ data }: MessageEvent<Posted>) => receive(data.k === 'packed' ? { k: 'batch', batch: unpack(data.batch) } : data));
  }

  open(request: OpenRequest): void {
    this.post({ k: 'open', request });
  }
  /** Says that the last batch has been painted and that the next may come. */
  ack(): void {
    this.post({ k: 'ack' });
  }
  /** Asks for a page at a position, or at a time in ms since the epoch. */
  read(id: number, at: string | number, backward: boolean, lines: number): void {
    this.post({ k: 'read', id, at, backward, lines });
  }
  scan(message: ScanMessage): void {
    this.post({ k: 'scan', message });
  }
  cancel(id: number): void {
    this.post({ k: 'cancel', id });
  }
  filter(id: number, include: string[], exclude: string[]): void {
    this.post({ k: 'filter', id, include, exclude });
  }
  retry(): void {
    this.post({ k: 'retry' });
  }
  stop(): void {
    this.post({ k: 'close' });
    this.worker.terminate();
  }

  private post(message: ToWorker): void {
    this.worker.postMessage(message);
  }
}

/** Several logs, merged by time. url makes the address of each. */
export class MergedStream implements StreamLike {
  private readonly streams: Stream[];
  private readonly merger: Merger;
  private readonly timer: number;
  private readonly scans: MergedScans;
  private filtering: { id: number; answers: number; ends: string[]; failed: FromWorker | null } | null = null;

  constructor(private readonly logs: readonly string[], private readonly url: (log: string) => string, private readonly receive: (message: FromWorker) => void, edges: (at: string) => Edges | null) {
    this.streams = logs.map((_, i) => new Stream((m) => this.take(i, m)));
    this.merger = new Merger(this.streams, receive, () => Date.now(), edges);
    this.scans = new MergedScans(this.streams, receive, this.places, this.name, (part) => this.merger.open(part));
    this.timer = window.setInterval(() => this.merger.flush(), 100);
  }

  /** The place in each log that a position of the merged view stands for. */
  readonly places = (at: string): Place[] | null => this.merger.pages.places(at);
  /** A position of the merged view for a place in each log. */
  readonly name = (places: Place[]): string => this.merger.pages.name(places);

  /** A name for a position, which stands for the same place when what is held has changed. */
  fix(at: string): string {
    const places = this.places(at);
    return places === null ? at : this.name(places);
  }
  readonly end = (part: number): string => this.merger.end(part);

  open(request: OpenRequest): void {
    this.merger.lines = request.lines;
    this.merger.reset();
    this.streams.forEach((s, i) => s.open({ ...request, log: this.logs[i], url: this.url(this.logs[i]) }));
  }
  ack(): void {
    this.merger.ack();
  }
  read(id: number, at: string | number, backward: boolean, lines: number): void {
    this.merger.read(id, at, backward, lines);
  }
  /** Reads one line of one of the logs; the page has that log's own position. */
  readOf(part: number, id: number, at: string): void {
    this.streams[part].read(id, at, false, 1);
  }
  scan(message: ScanMessage): void {
    this.scans.start(message);
  }
  cancel(id: number): void {
    this.scans.cancel(id);
  }
  filter(id: number, include: string[], exclude: string[]): void {
    this.filtering = { id, answers: 0, ends: this.logs.map(() => ''), failed: null };
    this.streams.forEach((s) => s.filter(id, include, exclude));
  }
  retry(): void {
    this.streams.forEach((s) => s.retry());
  }
  stop(): void {
    clearInterval(this.timer);
    this.streams.forEach((s) => s.stop());
  }

  // All logs have to take a filter before it is confirmed.
  private take(part: number, m: FromWorker): void {
    const f = this.filtering;
    if (f && (m.k === 'filtered' || m.k === 'failed') && m.id === f.id) {
      if (m.k === 'failed') f.failed = m;
      else f.ends[part] = m.at;
      if (++f.answers < this.streams.length) return;
      this.filtering = null;
      this.receive(f.failed ?? { k: 'filtered', id: f.id, at: this.merger.restart(f.ends) });
      return;
    }
    if (this.scans.receive(part, m)) return;
    // What one log was asked for by itself.
    if ((m.k === 'page' && m.page.id < FIRST_ID) || (m.k === 'failed' && m.id < FIRST_ID)) this.receive(m);
    else this.merger.receive(part, m);
  }
}
