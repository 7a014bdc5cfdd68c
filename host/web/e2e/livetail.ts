// The real thing: livetail serve over a folder of real files.

import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { appendFileSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BINARY } from './setup';

export class Livetail {
  readonly dir = realpathSync(mkdtempSync(join(tmpdir(), 'livetail-page-')));
  url = '';
  private port = 0;
  private process: ChildProcess | null = null;
  private output = '';

  async start(...flags: string[]): Promise<void> {
    // The same port each time, so that a page finds the server again.
    if (this.port === 0) this.port = await freePort();
    const child = spawn(BINARY, ['serve', this.dir, '--listen', `127.0.0.1:${this.port}`, '--ops-listen', '127.0.0.1:0', ...flags], { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, TZ: 'UTC' } });
    this.process = child;
    this.output = '';
    child.stdout!.on('data', (d) => (this.output += d));
    child.stderr!.on('data', (d) => (this.output += d));
    const deadline = Date.now() + 15_000;
    while (!this.output.includes('listening on')) {
      if (child.exitCode !== null || Date.now() > deadline) throw new Error(`livetail serve did not start:\n${this.output}`);
      await new Promise((done) => setTimeout(done, 20));
    }
    this.url = `http://127.0.0.1:${this.port}`;
  }

  path(name: string): string {
    return join(this.dir, name);
  }

  write(name: string, ...lines: (string | Buffer)[]): void {
    appendFileSync(this.path(name), Buffer.concat(lines.flatMap((l) => [typeof l === 'string' ? Buffer.from(l) : l, Buffer.from('\n')])));
  }

  /** Makes a token, and a file that lets it in. */
  token(name: string): { file: string; token: string } {
    const made = spawnSync(BINARY, ['token', name], { encoding: 'utf8' });
    const file = join(this.dir, '.tokens');
    writeFileSync(file, made.stdout, { mode: 0o600 });
    return { file, token: /\S+\.\S+/.exec(made.stderr)![0] };
  }

  /** Kills the front door as a crash does. */
  async kill(): Promise<void> {
    await this.end('SIGKILL');
  }

  /** Kills the plugin process. */
  killPlugin(): void {
    const children = readFileSync(`/proc/${this.process!.pid}/task/${this.process!.pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
    const all = children.length ? children : execFileSync('ps', ['-o', 'pid=', '--ppid', String(this.process!.pid)], { encoding: 'utf8' }).trim().split(/\s+/).map(Number);
    for (const pid of all) process.kill(pid, 'SIGKILL');
  }

  async stop(): Promise<void> {
    await this.end('SIGTERM');
    rmSync(this.dir, { recursive: true, force: true });
  }

  private async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.process;
    this.process = null;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((done) => child.once('exit', done));
    child.kill(signal);
    const timer = setTimeout(() => child.kill('SIGKILL'), 15_000);
    await gone;
    clearTimeout(timer);
  }
}

function freePort(): Promise<number> {
  return new Promise((done) => {
    const s = createServer();
    s.listen(0, '127.0.0.1', () => {
      const { port } = s.address() as { port: number };
      s.close(() => done(port));
    });
  });
}
