// A front door for tests that need events on demand: gaps, late lines, refusals, a plugin that restarts. It speaks livetail.v1 over
// logs in memory. What the real front door does is tested with the real one.

import { createServer, type Server } from 'node:http';
import { readFileSync, existsSync } from 'node:fs';
import { join, extname } from 'node:path';
import { WebSocketServer, type WebSocket } from 'ws';

import { timeOf } from '../src/text/time';
import { scan } from './scan';

const DIST = join(import.meta.dirname, '..', 'dist');
export const CSP = /ContentSecurityPolicy = "([^"]*)" \+\s*"([^"]*)"/.exec(readFileSync(join(import.meta.dirname, '..', 'embed.go'), 'utf8'))!.slice(1).join('');

interface Line { gen: string; off: number; text: string; bytes: number }
type Entry = { line: Line } | { mark: Record<string, unknown> & { t: string } };

export class MemoryLog {
  entries: Entry[] = [];
  gen = 'g1';
  off = 0;
  modified = new Date();
  watchers = new Set<(from: number) => void>();

  write(...texts: string[]): void {
    const from = this.entries.length;
    for (const text of texts) {
      const bytes = Buffer.byteLength(text) + 1;
      this.entries.push({ line: { gen: this.gen, off: this.off, text: `${text}\n`, bytes } });
      this.off += bytes;
    }
    this.changed(from);
  }

  rotate(name: string): void {
    const from = `${this.gen}.${this.off}`;
    this.gen = `g${Number(this.gen.slice(1)) + 1}`;
    this.off = 0;
    this.mark({ t: 'boundary', from, to: `${this.gen}.0`, how: 'renamed', order: 'observed', name });
  }

  mark(mark: Record<string, unknown> & { t: string }): void {
    this.entries.push({ mark });
    this.changed(this.entries.length - 1);
  }

  get end(): string {
    return `${this.gen}.${this.off}`;
  }

  private changed(from: number): void {
    this.modified = new Date();
    for (const w of this.watchers) w(from);
  }

  /** Index of the first entry at or after a position. */
  at(position: string): number {
    const [gen, off] = position.split('.');
    const i = this.entries.findIndex((e) => ('line' in e ? e.line.gen === gen && e.line.off >= Number(off) : e.mark.from === position));
    return i < 0 ? this.entries.length : i;
  }

  /** Index of the first line whose time is not before that. */
  atTime(ms: number): number {
    const i = this.entries.findIndex((e) => 'line' in e && (timeOf(e.line.text) ?? 0) >= ms);
    return i < 0 ? this.entries.length : i;
  }

  messages(from: number, to: number, passes: (text: string) => boolean): unknown[] {
    const out: unknown[] = [];
    let run: Line[] = [];
    const flush = () => {
      if (run.length === 0) return;
      const last = run[run.length - 1];
      const end = last.off + last.bytes;
      const kept = run.filter((l) => passes(l.text));
      const whole = kept.length === run.length;
      if (kept.length) {
        out.push({ t: 'lines', start: `${run[0].gen}.${run[0].off}`, end: `${last.gen}.${end}`, text: kept.map((l) => l.text).join(''), ...(whole ? {} : { at: kept.map((l) => l.off - run[0].off) }) });
      }
      run = [];
    };
    for (const e of this.entries.slice(from, to)) {
      if ('mark' in e) {
        flush();
        out.push(e.mark);
        continue;
      }
      if (run.length && (run[0].gen !== e.line.gen || run.length >= 1000)) flush();
      run.push(e.line);
    }
    flush();
    return out;
  }
}

export class StandIn {
  logs = new Map<string, MemoryLog>();
  sockets = new Set<WebSocket>();
  refuse: { code: string; message: string } | null = null;
  connections = 0;
  private server!: Server;
  url = '';

  async start(): Promise<void> {
    this.server = createServer((request, response) => {
      const url = new URL(request.url!, 'http://x');
      response.setHeader('Content-Security-Policy', CSP);
      response.setHeader('X-Content-Type-Options', 'nosniff');
      if (url.pathname === '/-/logs') {
        response.setHeader('Content-Type', 'application/json');
        response.end(JSON.stringify({ logs: [...this.logs].map(([log, l]) => ({ log, size: l.off, modified: l.modified.toISOString(), generations: Number(l.gen.slice(1)) })), truncated: false }));
        return;
      }
      if (url.pathname === '/-/doctor') {
        response.setHeader('Content-Type', 'application/json');
        response.end(JSON.stringify({ findings: [{ id: 'readable', level: 'ok', what: `${url.searchParams.get('log')} can be read.`, do: '' }, { id: 'writer', level: 'note', what: 'No process has it open for writing.', do: 'Check that the program runs.' }] }));
        return;
      }
      const asset = url.pathname.startsWith('/-/assets/') ? join(DIST, url.pathname.slice(3)) : join(DIST, 'index.html');
      if (!existsSync(asset)) {
        response.statusCode = 404;
        response.end();
        return;
      }
      response.setHeader('Content-Type', { '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.html': 'text/html; charset=utf-8' }[extname(asset)] ?? 'application/octet-stream');
      response.end(readFileSync(asset));
    });
    const wss = new WebSocketServer({ server: this.server });
    wss.on('connection', (socket, request) => this.serve(socket, new URL(request.url!, 'http://x')));
    await new Promise<void>((done) => this.server.listen(0, '127.0.0.1', done));
    this.url = `http://127.0.0.1:${(this.server.address() as { port: number }).port}`;
  }

  async stop(): Promise<void> {
    this.cut();
    await new Promise((done) => this.server.close(done));
  }

  /** Drops all connections, as a crash does. */
  cut(): void {
    for (const s of this.sockets) s.terminate();
  }

  tell(message: unknown): void {
    for (const s of this.sockets) s.send(JSON.stringify(message));
  }

  private serve(socket: WebSocket, url: URL): void {
    this.connections++;
    const log = this.logs.get(decodeURIComponent(url.pathname));
    const say = (m: unknown) => socket.readyState === socket.OPEN && socket.send(JSON.stringify(m));
    const refusal = this.refuse ?? (log ? null : { code: 'not_found', message: 'no such log' });
    if (refusal) {
      say({ t: 'error', ...refusal });
      say({ t: 'bye', reason: refusal.code, reconnect: false });
      socket.close(1000);
      return;
    }
    const l = log!;
    let filter = { include: url.searchParams.getAll('include'), exclude: url.searchParams.getAll('exclude') };
    const passes = (text: string) =>
      (filter.include.length === 0 || filter.include.some((p) => new RegExp(p).test(text))) && !filter.exclude.some((p) => new RegExp(p).test(text));
    this.sockets.add(socket);
    say({ t: 'hello', v: 1, server: 'standin', session: 's', log: url.pathname, heartbeat: { interval_ms: 10000, timeout_ms: 5000 }, limits: { page_lines: 10000 }, capabilities: ['filter', 'history', 'scan'] });
    const from = url.searchParams.get('from');
    let sent = from ? l.at(from) : Math.max(0, l.entries.length - Number(url.searchParams.get('lines') ?? 1000));
    const pump = () => {
      const to = l.entries.length;
      for (const m of l.messages(sent, to, passes)) say(m);
      sent = to;
      say({ t: 'caught_up', at: l.end });
    };
    pump();
    l.watchers.add(pump);
    const ping = setInterval(() => say({ t: 'ping', id: Date.now(), rtt_ms: 0.8, behind: 0 }), 1000);
    socket.on('close', () => {
      clearInterval(ping);
      this.sockets.delete(socket);
      l.watchers.delete(pump);
    });
    socket.on('message', (data) => {
      const m = JSON.parse(String(data));
      if (m.t === 'ping') say({ t: 'pong', id: m.id });
      else if (m.t === 'filter') {
        try {
          [...m.include, ...m.exclude].forEach((p: string) => new RegExp(p));
        } catch (error) {
          say({ t: 'error', id: m.id, code: 'bad_request', message: String(error) });
          return;
        }
        filter = { include: m.include, exclude: m.exclude };
        say({ t: 'filtered', id: m.id });
      } else if (m.t === 'search' || m.t === 'count') {
        const lines = l.entries.filter((e) => 'line' in e).map((e) => e.line);
        const from = m.at ? l.entries.slice(0, l.at(m.at)).filter((e) => 'line' in e).length : 0;
        say(scan(lines, m, from, l.end));
      } else if (m.t === 'read') {
        const at = m.time_ms !== undefined ? l.atTime(m.time_ms) : l.at(m.at);
        const [low, high] = m.backward ? [Math.max(0, at - m.lines), at] : [at, Math.min(l.entries.length, at + m.lines)];
        const position = (i: number) => {
          const e = l.entries[i];
          return e === undefined ? l.end : 'line' in e ? `${e.line.gen}.${e.line.off}` : String(e.mark.from ?? l.end);
        };
        say({ t: 'page', id: m.id, events: l.messages(low, high, passes), start: position(low), end: position(high), at_beginning: low === 0, at_end: high === l.entries.length });
      }
    });
  }
}
