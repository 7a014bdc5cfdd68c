// A browser that nothing watches but the test itself, for measuring. Playwright has every frame of a WebSocket told to it, which costs browser and sender as much again as
// the page; nobody's browser does that. So this one is driven over its debugging port, and only to evaluate.

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import WebSocket from 'ws';

interface Answer { id?: number; method?: string; params?: Record<string, unknown>; result?: Record<string, unknown>; error?: { message: string } }

export class AloneBrowser {
  private readonly waiting = new Map<number, { done: (result: Record<string, unknown>) => void; failed: (e: Error) => void }>();
  private ids = 0;
  private socket!: WebSocket;
  /** What went wrong in the page. */
  readonly errors: string[] = [];

  private constructor(private readonly process: ChildProcess, private readonly dir: string) {}

  static async open(path: string, args: string[], width: number, height: number, url: string): Promise<AloneBrowser> {
    const dir = mkdtempSync(join(tmpdir(), 'livetail-browser-'));
    const child = spawn(path, ['--headless=new', '--remote-debugging-port=0', `--user-data-dir=${dir}`, `--window-size=${width},${height}`, ...args, url], { stdio: 'ignore' });
    const browser = new AloneBrowser(child, dir);
    const port = join(dir, 'DevToolsActivePort');
    const page = await until(async () => {
      if (!existsSync(port)) return null;
      const targets = (await (await fetch(`http://127.0.0.1:${readFileSync(port, 'utf8').split('\n')[0]}/json/list`)).json()) as { type: string; url: string; webSocketDebuggerUrl: string }[];
      return targets.find((t) => t.type === 'page' && t.url.startsWith(url)) ?? null;
    });
    browser.socket = new WebSocket(page.webSocketDebuggerUrl, { perMessageDeflate: false, maxPayload: 1 << 30 });
    await new Promise((done, failed) => browser.socket.once('open', done).once('error', failed));
    browser.socket.on('message', (data) => browser.receive(JSON.parse(String(data)) as Answer));
    await browser.send('Runtime.enable');
    return browser;
  }

  send(method: string, params: Record<string, unknown> = {}): Promise<Record<string, unknown>> {
    const id = ++this.ids;
    return new Promise((done, failed) => {
      this.waiting.set(id, { done, failed });
      this.socket.send(JSON.stringify({ id, method, params }));
    });
  }

  /** Evaluates an expression in the page. */
  async evaluate<T>(expression: string): Promise<T> {
    const { result, exceptionDetails } = (await this.send('Runtime.evaluate', { expression, returnByValue: true, awaitPromise: true })) as { result: { value: T }; exceptionDetails?: { text: string } };
    if (exceptionDetails) throw new Error(exceptionDetails.text);
    return result.value;
  }

  async close(): Promise<void> {
    const gone = new Promise((done) => this.process.once('exit', done));
    void this.send('Browser.close');
    await gone;
    rmSync(this.dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }

  /** Memory of the page's process in MB, with all that is not JavaScript's. */
  memory(): number {
    const pages = below(this.process.pid!).filter((pid) => read(`/proc/${pid}/cmdline`).includes('--type=renderer'));
    return Math.max(0, ...pages.map((pid) => Number(/VmRSS:\s+(\d+)/.exec(read(`/proc/${pid}/status`))?.[1] ?? 0) / 1024));
  }

  /** Processor time in ms since they began, by what it was for. */
  times(): Map<string, number> {
    const out = new Map<string, number>();
    for (const pid of [process.pid, ...below(this.process.pid!)]) {
      const kind = /--type=([\w-]+)/.exec(read(`/proc/${pid}/cmdline`))?.[1] ?? (pid === process.pid ? 'sender' : 'browser');
      for (const tid of list(`/proc/${pid}/task`)) {
        const stat = read(`/proc/${pid}/task/${tid}/stat`);
        const name = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'));
        const part = kind !== 'renderer' ? kind : tid === String(pid) ? 'page' : name.startsWith('Dedicated') ? 'worker' : 'page, drawing and other threads';
        const field = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        out.set(part, (out.get(part) ?? 0) + (Number(field[11]) + Number(field[12])) * 10);
      }
    }
    return out;
  }

  private receive(m: Answer): void {
    if (m.id === undefined) {
      if (m.method === 'Runtime.exceptionThrown') this.errors.push(JSON.stringify(m.params));
      return;
    }
    const w = this.waiting.get(m.id);
    this.waiting.delete(m.id);
    if (m.error) w?.failed(new Error(m.error.message));
    else w?.done(m.result ?? {});
  }
}

async function until<T>(look: () => Promise<T | null>): Promise<T> {
  for (const end = Date.now() + 30_000; Date.now() < end; await new Promise((done) => setTimeout(done, 50))) {
    const found = await look().catch(() => null);
    if (found !== null) return found;
  }
  throw new Error('the browser did not come');
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function list(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

// A process and all that it has started.
function below(pid: number): number[] {
  const children = list(`/proc/${pid}/task`).flatMap((tid) => read(`/proc/${pid}/task/${tid}/children`).trim().split(' ').filter(Boolean).map(Number));
  return [pid, ...children.flatMap(below)];
}
