// One watched log: connects, decodes, answers pings, and connects again at the last position when the connection is lost. Knows
// neither page nor worker, so that tests can drive it with a socket and a clock of their own.

import { decodeEvent, decodeLines, decodeLong } from './decode';
import { Left } from './left';
import type { Chunk, Item, Beat, OpenRequest, Page, Stats, StreamState } from './items';
import { parsePosition } from './position';
import { FINAL_ERRORS, type ByeMessage, type ClientMessage, type ErrorMessage, type HelloMessage, type CountedMessage, type FoundMessage, type LinesMessage, type ScanMessage, type ServerMessage } from './protocol';

export interface SocketLike {
  send(text: string): void;
  close(): void;
  onopen: (() => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
}

export interface Clock {
  now(): number;
  random(): number;
  set(run: () => void, ms: number): unknown;
  clear(timer: unknown): void;
}

export interface Sink {
  item(item: Item): void;
  /** The end was reached before a single line came. */
  caughtUp(at: string): void;
  state(state: StreamState): void;
  beat(beat: Beat): void;
  page(page: Page): void;
  scanned(message: FoundMessage | CountedMessage): void;
  filtered(id: number, at: string): void;
  failed(id: number, code: string, message: string): void;
}

const FIRST_RETRY = 250;
const LAST_RETRY = 10_000;
/** How long a connection may take to say hello. */
const HELLO_WAIT = 10_000;
/** How long an answer to our own ping may take. */
const PONG_WAIT = 5_000;
/** Requests for pages that a server answers at once. */
const MOST_READS = 2;
/** Searches and counts that it answers at once. */
const MOST_SCANS = 2;

export class Session {
  private request: OpenRequest | null = null;
  private socket: SocketLike | null = null;
  private retryTimer: unknown = null;
  private watchTimer: unknown = null;
  private last = '';
  private readonly left = new Left();
  private lostAt = 0;
  private resuming = false;
  private bye: ByeMessage | null = null;
  private refusal: ErrorMessage | null = null;
  private quiet = 18_000;
  private pinged = false;
  private pingId = 0;
  private reads = new Set<number>();
  private waiting: { id: number; at: string | number; backward: boolean; lines: number }[] = [];
  private scans = new Set<number>();
  private waitingScans: ScanMessage[] = [];
  private filters = new Map<number, { include: string[]; exclude: string[] }>();
  private current: StreamState = {
    phase: 'connecting', plugin: 'up', attempt: 0, retryAt: 0, error: null, server: '', capabilities: [], pageLines: 500, zones: [''], traceURL: '',
  };
  readonly stats: Stats = { lines: 0, bytes: 0, gaps: 0, perSecond: 0, lastLineAt: 0, lastHeardAt: 0, caughtUp: false };

  constructor(private readonly dial: (url: string) => SocketLike, private readonly clock: Clock, private readonly sink: Sink) {}

  /** The position after the last thing received. */
  get position(): string {
    return this.last;
  }

  open(request: OpenRequest): void {
    this.drop();
    this.request = request;
    this.last = '';
    this.left.clear();
    this.lostAt = 0;
    this.update({ attempt: 0, error: null });
    this.connect();
  }

  close(): void {
    this.drop();
    this.request = null;
  }

  /** Connects now instead of when the next attempt is due. */
  retry(): void {
    if (this.request === null || this.socket !== null) return;
    this.clock.clear(this.retryTimer);
    this.connect();
  }

  /** Asks for a page. The server answers two at a time; more wait here. */
  read(id: number, at: string | number, backward: boolean, lines: number): void {
    if (this.reads.size >= MOST_READS) {
      this.waiting.push({ id, at, backward, lines });
      return;
    }
    const place = typeof at === 'string' ? { at } : { time_ms: Math.max(0, Math.round(at)) };
    if (this.send({ t: 'read', id, ...place, backward, lines })) this.reads.add(id);
    else this.sink.failed(id, 'disconnected', '');
  }

  /** Searches or counts; the answers come to scanned until one has an end, or to failed. */
  scan(message: ScanMessage): void {
    if (this.scans.size >= MOST_SCANS) {
      this.waitingScans.push(message);
      return;
    }
    if (this.send(message)) this.scans.add(message.id);
    else this.sink.failed(message.id, 'disconnected', '');
  }

  cancel(id: number): void {
    if (this.scans.has(id)) this.send({ t: 'cancel', id });
    const at = this.waitingScans.findIndex((m) => m.id === id);
    if (at < 0) return;
    this.waitingScans.splice(at, 1);
    this.sink.failed(id, 'cancelled', '');
  }

  private scanEnded(id: number): boolean {
    if (!this.scans.delete(id)) return false;
    const next = this.waitingScans.shift();
    if (next) this.scan(next);
    return true;
  }

  private answered(id: number): boolean {
    if (!this.reads.delete(id)) return false;
    const next = this.waiting.shift();
    if (next) this.read(next.id, next.at, next.backward, next.lines);
    return true;
  }

  filter(id: number, include: string[], exclude: string[]): void {
    if (this.request === null) return;
    if (!this.send({ t: 'filter', id, include, exclude })) {
      // Not connected: the next connection asks with the new filter from the beginning of what it has to say.
      this.request = { ...this.request, include, exclude };
      this.sink.filtered(id, this.last);
      return;
    }
    this.filters.set(id, { include, exclude });
  }

  private connect(): void {
    const request = this.request!;
    this.bye = null;
    this.refusal = null;
    this.resuming = this.last !== '';
    this.update({ phase: 'connecting', retryAt: 0 });
    const socket = this.dial(streamURL(request, this.last, this.left.lately()));
    this.socket = socket;
    socket.onmessage = (event) => {
      if (this.socket === socket && typeof event.data === 'string') this.receive(event.data);
    };
    socket.onclose = (event) => {
      if (this.socket === socket) this.lost(event.code);
    };
    this.stats.lastHeardAt = this.clock.now();
    this.pinged = false;
    this.watch(HELLO_WAIT);
  }

  private receive(data: string): void {
    const now = this.clock.now();
    this.stats.lastHeardAt = now;
    this.pinged = false;
    const long = decodeLong(data, now);
    if (long !== null && !this.overlaps(long[0].gen, long[0].offs[0])) {
      this.last = long[long.length - 1].end;
      long.forEach((chunk) => this.take(chunk, now));
      return;
    }
    let m: ServerMessage;
    try {
      m = JSON.parse(data) as ServerMessage;
    } catch {
      return;
    }
    switch (m.t) {
      case 'hello':
        this.hello(m);
        break;
      case 'lines':
      case 'late':
        this.lines(m, now);
        break;
      case 'boundary':
      case 'truncated':
      case 'gap': {
        const item = decodeEvent(m, now);
        if (m.t === 'gap') this.stats.gaps++;
        const to = m.t === 'gap' ? m.before : m.to;
        this.left.hear(now);
        if (m.t === 'boundary') this.left.note(m.from);
        else if (m.t === 'gap' && to && parsePosition(to)?.gen !== parsePosition(this.last)?.gen) this.left.note(this.last);
        if (to) this.last = to;
        if (item) this.sink.item(item);
        break;
      }
      case 'caught_up':
        if (m.at) this.last = m.at;
        if (m.at && this.stats.lines === 0) this.sink.caughtUp(m.at);
        this.stats.caughtUp = true;
        break;
      case 'ping':
        this.send({ t: 'pong', id: m.id });
        this.sink.beat({ rttMs: m.rtt_ms ?? null, behind: m.behind ?? null, at: now });
        break;
      case 'status':
        this.update({ plugin: m.plugin });
        break;
      case 'page':
        this.answered(m.id);
        this.sink.page({
          id: m.id, items: (m.events ?? []).map((e) => decodeEvent(e, now)).filter((item) => item !== null),
          start: m.start, end: m.end, atBeginning: m.at_beginning === true, atEnd: m.at_end === true,
        });
        break;
      case 'found':
      case 'counted':
        if (!this.scans.has(m.id)) break;
        this.sink.scanned(m);
        if (m.end) this.scanEnded(m.id);
        break;
      case 'filtered': {
        const wanted = this.filters.get(m.id);
        this.filters.delete(m.id);
        if (wanted && this.request) this.request = { ...this.request, ...wanted };
        this.sink.filtered(m.id, this.last);
        break;
      }
      case 'error':
        this.fault(m);
        break;
      case 'bye':
        this.bye = m;
        break;
      default:
        break; // what a newer server says besides is no concern of ours
    }
  }

  private hello(m: HelloMessage): void {
    const beat = m.heartbeat ?? { interval_ms: 10_000, timeout_ms: 5_000 };
    this.quiet = beat.interval_ms + beat.timeout_ms + 3_000;
    this.update({
      phase: 'open', attempt: 0, error: null, plugin: 'up', server: m.server, capabilities: m.capabilities ?? [],
      pageLines: Math.min(m.limits?.page_lines ?? 500, 1000), zones: [m.zone ?? ''], traceURL: m.trace_url ?? '',
    });
    if (this.lostAt > 0 && this.resuming) {
      this.sink.item({ k: 'mark', body: { t: 'resumed', ms: this.clock.now() - this.lostAt }, at: this.clock.now() });
    }
    this.lostAt = 0;
    this.watch(this.quiet);
  }

  private lines(m: LinesMessage, now: number): void {
    let chunk;
    if (m.t === 'late') {
      chunk = decodeLines(m, now);
      this.left.note(m.end);
    } else {
      const start = parsePosition(m.start);
      chunk = decodeLines(m, now, start !== null && this.overlaps(start.gen, start.off) ? parsePosition(this.last)!.off : 0);
      this.last = m.end;
    }
    if (chunk !== null) this.take(chunk, now);
  }

  // The server resumes at the very byte. Should it ever say a byte twice, it is shown once all the same.
  private overlaps(gen: string, off: number): boolean {
    const last = parsePosition(this.last);
    return last !== null && gen === last.gen && off < last.off;
  }

  private take(chunk: Chunk, now: number): void {
    this.left.hear(now);
    this.stats.lines += chunk.starts.length;
    this.stats.bytes += chunk.text.length;
    this.stats.lastLineAt = now;
    this.sink.item(chunk);
  }

  private fault(m: ErrorMessage): void {
    if (m.id !== undefined && m.id !== 0 && (this.answered(m.id) || this.scanEnded(m.id) || this.filters.delete(m.id))) {
      this.sink.failed(m.id, m.code, m.message);
      return;
    }
    const from = this.last || this.request?.from;
    if (m.code === 'position_gone' && from && this.request) {
      // Come back without it: with the last lines, and with a mark where nobody knows what lies between.
      this.sink.item({ k: 'mark', body: { t: 'position_gone', after: from }, at: this.clock.now() });
      this.stats.gaps++;
      this.last = '';
      this.left.clear();
      const { from: _, ...rest } = this.request;
      this.request = rest;
      return;
    }
    this.refusal = m;
  }

  private lost(code: number): void {
    this.socket = null;
    this.clock.clear(this.watchTimer);
    const open = [...this.reads, ...this.waiting.map((r) => r.id), ...this.scans, ...this.waitingScans.map((m) => m.id)];
    const filters = [...this.filters];
    this.forget();
    for (const id of open) this.sink.failed(id, 'disconnected', '');
    // The next connection asks with the filter that was wanted.
    for (const [id, wanted] of filters) {
      if (this.request) this.request = { ...this.request, ...wanted };
      this.sink.filtered(id, this.last);
    }
    if (this.lostAt === 0) this.lostAt = this.clock.now();
    this.stats.caughtUp = false;
    const refusal = this.refusal;
    const error = refusal ? { code: refusal.code, message: refusal.message } : null;
    const again = this.bye ? this.bye.reconnect : invites(code) && !(refusal && FINAL_ERRORS.has(refusal.code));
    if (!again) {
      this.update({ phase: error ? 'refused' : 'ended', retryAt: 0, error: error ?? (this.bye?.reason ? { code: 'bye', message: this.bye.reason } : null) });
      return;
    }
    const attempt = this.current.attempt + 1;
    const first = this.bye ? Math.max(this.bye.after_ms ?? 0, attempt > 1 ? FIRST_RETRY : 0) : FIRST_RETRY;
    // Jitter, so that a thousand pages do not come back in the same millisecond.
    const wait = Math.round(Math.min(LAST_RETRY, first * 2 ** (attempt - 1)) * (1 + this.clock.random()));
    this.update({ phase: 'waiting', attempt, retryAt: this.clock.now() + wait, error });
    this.retryTimer = this.clock.set(() => this.connect(), wait);
  }

  // A quiet log is no dead connection: when nothing was heard for longer than the server's heartbeat allows, we ask; and only when
  // that has no answer either, we give the connection up.
  private watch(ms: number): void {
    this.clock.clear(this.watchTimer);
    this.watchTimer = this.clock.set(() => {
      const limit = this.current.phase === 'open' ? this.quiet : HELLO_WAIT;
      const silent = this.clock.now() - this.stats.lastHeardAt;
      if (silent < limit) this.watch(limit - silent);
      else if (this.current.phase === 'open' && !this.pinged && this.send({ t: 'ping', id: ++this.pingId })) {
        this.pinged = true;
        this.watch(PONG_WAIT);
      } else {
        const socket = this.socket;
        this.lost(1006);
        socket?.close();
      }
    }, ms);
  }

  private send(m: ClientMessage): boolean {
    if (this.socket === null || this.current.phase !== 'open') return false;
    this.socket.send(JSON.stringify(m));
    return true;
  }

  private drop(): void {
    this.clock.clear(this.retryTimer);
    this.clock.clear(this.watchTimer);
    const socket = this.socket;
    this.socket = null;
    socket?.close();
    this.forget();
  }

  private forget(): void {
    this.reads.clear();
    this.waiting = [];
    this.scans.clear();
    this.waitingScans = [];
    this.filters.clear();
  }

  private update(change: Partial<StreamState>): void {
    this.current = { ...this.current, ...change };
    this.sink.state(this.current);
  }
}

/** Reports whether a close code invites the client back, where no bye has said so. 1005 and 1006 mean that the connection broke. */
function invites(code: number): boolean {
  return code === 1001 || code === 1005 || code === 1006 || (code >= 1011 && code <= 1014) || (code >= 4000 && code < 4500);
}

export function streamURL(request: OpenRequest, last: string, left: string[] = []): string {
  const query = new URLSearchParams({ tail: '1', format: 'raw' });
  if (last) query.set('from', last);
  else if (request.from) query.set('from', request.from);
  else if (request.since) query.set('since', request.since);
  else query.set('lines', String(request.lines));
  if (request.wait) query.set('wait', '1');
  for (const pattern of request.include) query.append('include', pattern);
  for (const pattern of request.exclude) query.append('exclude', pattern);
  // The server takes a query of 8 KiB. Better without these than not at all.
  const room = 8000 - `${query}`.length;
  if (last && left.join('').length + 6 * left.length < room) for (const at of left) query.append('left', at);
  return `${request.url}?${query}`;
}
