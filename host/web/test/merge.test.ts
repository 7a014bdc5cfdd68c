// Several logs merged: whatever comes when, however it is paged, each line is there once, and in the order of time.

import { describe, expect, it } from 'vitest';
import { Held } from '../src/model/held';
import { lineText } from '../src/model/window';
import { linesOf, type FromWorker, type Item, type Mark, type Page, type StreamState } from '../src/stream/items';
import { Merger, REORDER, type Part } from '../src/stream/merge';
import { edgesOf } from '../src/model/edges';
import { MergedJoint } from '../src/model/mergedjoint';
import { formatPosition, parsePosition } from '../src/stream/position';

const state: StreamState = { phase: 'open', plugin: 'up', attempt: 0, retryAt: 0, error: null, server: '', capabilities: ['filter', 'scan'], pageLines: 10, zones: [''], traceURL: '' };
const base = Date.UTC(2026, 10, 23, 10);
const stamp = (ms: number) => new Date(base + ms).toISOString().replace('T', ' ');

function random(seed: number): () => number {
  let a = seed;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** A log in memory, which is rotated now and then, and the requests to it that have not been answered yet. */
class Log implements Part {
  lines: { gen: number; off: number; text: string; time: number }[] = [];
  off = 0;
  asked: (() => void)[] = [];
  acks = 0;
  private gen = 0;
  constructor(readonly name: string, private readonly answer: (m: FromWorker) => void) {}
  write(time: number, text: string): void {
    const line = `${stamp(time)} ${text}\n`;
    this.lines.push({ gen: this.gen, off: this.off, text: line, time });
    this.off += line.length;
  }
  rotate(): void {
    if (this.off === 0) return;
    this.gen++;
    this.off = 0;
  }
  /** Where a line begins, or the end of the log. */
  place(n: number): string {
    const line = this.lines[n];
    return formatPosition(`${this.name}_${line?.gen ?? this.gen}`, line?.off ?? this.off);
  }
  private end(n: number): string {
    const line = this.lines[n];
    return formatPosition(`${this.name}_${line.gen}`, line.off + line.text.length);
  }
  private mark(n: number): Mark {
    return { k: 'mark', body: { t: 'boundary', from: this.end(n - 1), to: this.place(n), how: 'renamed', order: 'observed' }, at: 0 };
  }
  /** Whether the log was rotated before a line. */
  rotated(n: number): boolean {
    return n > 0 && n < this.lines.length && this.lines[n].gen !== this.lines[n - 1].gen;
  }
  /** Lines, with a mark where the log was rotated; also before the first, if that is wanted. */
  chunk(from: number, to: number, mark = false): Item[] {
    const items: Item[] = [];
    for (let i = from; i < to; ) {
      const { gen } = this.lines[i];
      if (i > 0 && this.lines[i - 1].gen !== gen && (mark || i > from)) items.push(this.mark(i));
      const part = this.lines.slice(i, to).filter((l) => l.gen === gen);
      i += part.length;
      let text = '';
      const starts = part.map((l) => {
        const at = text.length;
        text += l.text;
        return at;
      });
      items.push({ k: 'lines', gen: `${this.name}_${gen}`, end: this.end(i - 1), text, starts: Uint32Array.from(starts), offs: Float64Array.from(part.map((l) => l.off)), levels: new Uint8Array(part.length), late: false, at: 0 });
    }
    return items;
  }
  read(id: number, at: string | number, backward: boolean, lines: number): void {
    this.asked.push(() => {
      const p = typeof at === 'number' ? null : parsePosition(at)!;
      const gen = p === null ? 0 : Number(p.gen.slice(this.name.length + 1));
      const index = typeof at === 'number' ? this.lines.findIndex((l) => base + l.time >= at) : this.lines.findIndex((l) => l.gen > gen || (l.gen === gen && l.off >= p!.off));
      const i = index < 0 ? this.lines.length : index;
      const [low, high] = backward ? [Math.max(0, i - lines), i] : [i, Math.min(this.lines.length, i + lines)];
      const items = this.chunk(low, high, !backward && p !== null && this.lines[i]?.gen !== gen);
      // Going back, the mark between a line and the one before it comes first.
      if (backward && this.rotated(i) && p !== null && this.lines[i].gen === gen) items.push(this.mark(i));
      const page: Page = { id, items, start: this.place(low), end: this.place(high), atBeginning: low === 0, atEnd: high === this.lines.length };
      this.answer({ k: 'page', page });
    });
  }
  ack(): void {
    this.acks++;
  }
}

/** Several logs and what is held of them as one, with everything that is on its way between them. */
class World {
  readonly rnd: () => number;
  now = base + 10_000_000;
  readonly logs: Log[];
  readonly merger: Merger;
  readonly held: Held;
  readonly sent: number[];
  private readonly acks: (() => void)[] = [];
  private ids = 0;
  time = 0;
  /** How far ahead the clock of each log is, in ms. */
  ahead: number[];

  constructor(seed: number, limit: number, tail: number) {
    this.rnd = random(seed);
    this.held = new Held(() => ++this.ids, (id, at, backward) => this.merger.read(id, at, backward, 10), { lines: limit, chars: 1 << 24 }, tail);
    this.logs = Array.from({ length: 2 + this.upTo(3) }, (_, i) => new Log(`g${i}`, (m) => this.merger.receive(i, m)));
    this.merger = new Merger(this.logs, (m) => this.take(m), () => this.now, (at) => edgesOf(this.held.window, this.logs.length, at, this.held.attached));
    this.held.joint = new MergedJoint(this.logs.length, (at) => this.merger.pages.places(at), (places) => this.merger.pages.name(places), (part) => this.merger.end(part));
    this.merger.lines = 20;
    this.sent = this.logs.map(() => 0);
    this.ahead = this.logs.map(() => 0);
  }
  upTo(n: number): number {
    return Math.floor(this.rnd() * n);
  }
  take(m: FromWorker): void {
    if (m.k === 'batch') {
      this.held.accept(m.batch);
      this.acks.push(() => this.merger.ack());
    } else if (m.k === 'page') this.jumped(m.page) || this.held.page(m.page);
    else if (m.k === 'failed') this.held.failed(m.id, m.code);
  }
  private begun = false;
  private going = 0;
  private jumped(page: Page): boolean {
    if (page.id !== this.going) return false;
    this.going = 0;
    this.held.around(page.start);
    this.held.readForth();
    this.held.readBack();
    return true;
  }
  go(time: number): void {
    this.going = ++this.ids;
    this.merger.read(this.going, time, false, 1);
  }
  deliver(i: number, hole = false): void {
    const to = this.logs[i].lines.length;
    // What is let go is the oldest, never all.
    const from = hole ? Math.max(this.sent[i], Math.min(to - 1, this.sent[i] + 1 + this.upTo(5))) : this.sent[i];
    const lines = from - this.sent[i];
    const items = this.logs[i].chunk(from, to, lines === 0 && this.sent[i] > 0 && this.begun);
    this.sent[i] = to;
    if (items.length || lines) this.merger.receive(i, { k: 'batch', batch: { items, ...(lines ? { hole: { lines, from: '', to: this.logs[i].place(from) } } : {}) } });
  }
  settle(): void {
    for (let quiet = 0; quiet < 3; ) {
      const due = [...this.acks.splice(0), ...this.logs.flatMap((l) => l.asked.splice(0))];
      if (due.length === 0) quiet++;
      due.sort(() => this.rnd() - 0.5).forEach((run) => run());
      this.merger.flush();
    }
  }
  /** What was there before, of which each log sends its last lines. */
  begin(most: number, step: () => number): void {
    for (const [i, log] of this.logs.entries()) {
      let time = this.upTo(500) + this.ahead[i];
      for (let k = this.upTo(most); k > 0; k--) {
        if (this.rnd() < 0.02) log.rotate();
        log.write((time += step()), `${i} line ${log.lines.length}`);
      }
      this.time = Math.max(this.time, time - this.ahead[i]);
    }
    this.logs.forEach((log, i) => {
      this.sent[i] = Math.max(0, log.lines.length - 20);
      const lines = log.lines.length - this.sent[i];
      this.merger.receive(i, { k: 'state', state });
      this.deliver(i);
      this.merger.receive(i, { k: 'stats', stats: { lines, bytes: 0, gaps: 0, perSecond: 0, lastLineAt: 0, lastHeardAt: 0, caughtUp: true } });
    });
    this.begun = true;
    this.now += 2 * REORDER;
    this.settle();
    this.time += 100;
  }
  /** New lines come, the logs a little apart from each other. */
  grow(holes = false): void {
    this.time += 50;
    this.logs.forEach((log, i) => {
      if (this.rnd() < 0.1) log.rotate();
      for (let k = this.rnd() < 0.6 ? 1 + this.upTo(holes ? 8 : 1) : 0; k > 0; k--) log.write(this.time + this.ahead[i] + this.upTo(40), `new ${log.lines.length}`);
    });
    this.logs.map((_, i) => i).sort(() => this.rnd() - 0.5).forEach((i) => this.deliver(i, holes && this.rnd() < 0.2));
    // Some of it waits for the next time.
    this.now += this.rnd() < 0.3 ? REORDER / 2 : 2 * REORDER;
    this.settle();
  }
  /** Lines and marks of one log, as they are shown. */
  told(part: number): string[] {
    return this.held.window.blocks.flatMap((b) => (b.kind === 'mark' ? (b.mark.part === part && b.mark.body.t === 'boundary' ? [b.mark.body.to] : []) : b.part === part ? Array.from({ length: b.n }, (_, i) => lineText(b, i)) : []));
  }
  shown(): { part: number; text: string }[] {
    const out: { part: number; text: string }[] = [];
    for (const b of this.held.window.blocks) if (b.kind === 'lines') for (let i = 0; i < b.n; i++) out.push({ part: b.part, text: lineText(b, i) });
    return out;
  }
}

describe('logs merged by time', () => {
  it('have every line once and in order, live and through all of history, at random', () => {
    for (let seed = 1; seed <= 60; seed++) {
      const w = new World(seed, 100_000, 5_000);
      // Some of the times are the same in several logs, and within one.
      w.begin(150, () => w.upTo(4) * 25);
      for (let round = 0; round < 10; round++) {
        w.time += 50;
        for (const log of w.logs) if (w.rnd() < 0.1) log.rotate();
        for (const log of w.logs) if (w.rnd() < 0.6) log.write(w.time + w.upTo(40), `new ${log.lines.length}`);
        w.logs.map((_, i) => i).sort(() => w.rnd() - 0.5).forEach((i) => w.deliver(i));
        w.now += 2 * REORDER;
        w.settle();
      }
      w.held.pause();
      for (let tries = 0; !w.held.window.atBeginning && tries < 200; tries++) {
        w.held.readBack(true);
        w.settle();
      }
      const shown = w.shown();
      // Each with its marks, where they belong.
      w.logs.forEach((log, i) => expect(w.told(i), `log ${i}, seed ${seed}`).toEqual(log.lines.flatMap((l, n) => (log.rotated(n) ? [log.place(n), l.text] : [l.text]))));
      const times = shown.map((s) => s.text.slice(0, 23));
      expect(times, `seed ${seed}`).toEqual([...times].sort());
    }
  }, 60_000);

  it('are read both ways from any time, within small bounds, whatever comes meanwhile, and no log has a line twice or a hole', () => {
    for (let seed = 1; seed <= 100; seed++) {
      const small = seed % 2 === 0;
      const w = new World(seed, small ? 60 : 100_000, small ? 25 : 5_000);
      // Times go back now and then, as clocks do, and some clocks are ahead of others.
      if (seed % 5 === 0) w.ahead = w.ahead.map(() => w.upTo(3) * 2000);
      w.begin(200, () => (w.rnd() < 0.05 ? -w.upTo(60) : w.upTo(4) * 25));
      const check = (what: string) => {
        const shown = w.shown();
        w.logs.forEach((log, i) => {
          const own = shown.filter((s) => s.part === i).map((s) => s.text);
          const at = own.length ? log.lines.findIndex((l) => l.text === own[0]) : 0;
          expect(own, `${what}, log ${i}, seed ${seed}`).toEqual(log.lines.slice(at, at + own.length).map((l) => l.text));
        });
      };
      for (let step = 0; step < 30; step++) {
        const what = w.upTo(8);
        if (what === 0) {
          w.held.pause();
          w.go(base + w.upTo(w.time));
        } else if (what === 1) w.held.follow();
        else if (what === 2) w.held.pause();
        else if (what < 5) w.held.readBack(true);
        else if (what < 7) w.held.readForth();
        else w.grow(seed % 3 === 0);
        if (w.rnd() < 0.7) w.settle();
        check(`step ${step}`);
      }
      w.now += 2 * REORDER;
      w.settle();
      // From wherever it is now to the end, and back to the beginning: all of it, if there is room.
      w.held.pause();
      w.go(base + w.upTo(w.time));
      w.settle();
      for (let tries = 0; !w.held.attached && tries < 300; tries++) {
        w.held.readForth();
        w.settle();
        check('forth');
      }
      expect(w.held.attached, `seed ${seed}`).toBe(true);
      const ends = w.logs.map((log) => log.lines.at(-1)?.text);
      const shown = w.shown();
      w.logs.forEach((_, i) => {
        const own = shown.filter((s) => s.part === i);
        if (own.length) expect(own.at(-1)!.text, `end of log ${i}, seed ${seed}`).toBe(ends[i]);
      });
      if (small) continue;
      for (let tries = 0; !w.held.window.atBeginning && tries < 300; tries++) {
        w.held.readBack(true);
        w.settle();
      }
      check('back');
      w.logs.forEach((log, i) => expect(w.shown().filter((s) => s.part === i).length, `log ${i}, seed ${seed}`).toBe(log.lines.length));
    }
  }, 60_000);

  it('wait within a bound while nothing is shown, and then come on', () => {
    const batches: number[] = [];
    let now = base;
    const logs: Log[] = ['a', 'b'].map((gen) => new Log(gen, () => undefined));
    const merger: Merger = new Merger(logs, (m) => void (m.k === 'batch' && batches.push(linesOf(m.batch.items))), () => now, () => null);
    logs.forEach((log, i) => {
      merger.receive(i, { k: 'state', state });
      log.write(0, 'first');
      merger.receive(i, { k: 'batch', batch: { items: log.chunk(0, 1) } });
      merger.receive(i, { k: 'stats', stats: { lines: 1, bytes: 0, gaps: 0, perSecond: 0, lastLineAt: 0, lastHeardAt: 0, caughtUp: true } });
    });
    now += 2 * REORDER;
    merger.flush();
    expect(batches).toEqual([2]);
    // The page is hidden: it takes nothing more. A log sends as long as it is asked for more.
    const { acks } = logs[0];
    let sent = 1;
    const rush = () => {
      for (let round = 0; round < 20 && logs[0].acks === acks + round; round++) {
        for (let k = 0; k < 3000; k++) logs[0].write(sent + k, `line ${sent + k}`);
        merger.receive(0, { k: 'batch', batch: { items: logs[0].chunk(sent, sent + 3000) } });
        sent += 3000;
      }
    };
    rush();
    expect(sent).toBe(1 + 7 * 3000);
    now += 2 * REORDER;
    merger.ack();
    expect(batches).toEqual([2, 7 * 3000]);
    expect(logs[0].acks).toBe(acks + 7);
  });

  it('can do what all of them can', () => {
    const said: FromWorker[] = [];
    const merger: Merger = new Merger([new Log('a', () => undefined), new Log('b', () => undefined)], (m) => said.push(m), () => 0, () => null);
    const last = () => {
      const m = said.at(-1)!;
      return m.k === 'state' && [m.state.phase, m.state.capabilities];
    };
    merger.receive(0, { k: 'state', state });
    // Not before each of them has said what it is.
    expect(last()).toEqual(['connecting', ['filter', 'scan']]);
    merger.receive(1, { k: 'state', state: { ...state, capabilities: ['filter'] } });
    expect(last()).toEqual(['open', ['filter']]);
    merger.receive(1, { k: 'state', state });
    expect(last()).toEqual(['open', ['filter', 'scan']]);
    merger.receive(1, { k: 'state', state: { ...state, phase: 'waiting' } });
    expect(last()).toEqual(['waiting', ['filter', 'scan']]);
    merger.read(1, 'a.0', false, 10);
    expect(said.at(-1)).toMatchObject({ k: 'failed', id: 1 });
  });
});

describe('logs in several time zones', () => {
  it('are merged by when their lines were written', () => {
    const out: Item[] = [];
    let now = base;
    const parts: Part[] = [0, 1].map(() => ({ read: () => undefined, ack: () => undefined }));
    const merger = new Merger(parts, (m) => m.k === 'batch' && out.push(...m.batch.items), () => now, () => null);
    const tell = (part: number, zone: string) => merger.receive(part, { k: 'state', state: { ...state, zones: [zone] } });
    tell(0, 'UTC');
    tell(1, '+02:00');
    // One says 10:00 and 10:02, the other, whose clock is two hours ahead, 12:01.
    const log = (part: number, text: string) => {
      const n = text.split('\n').length - 1;
      merger.receive(part, {
        k: 'batch', batch: { items: [{ k: 'lines', gen: `g${part}`, end: formatPosition(`g${part}`, text.length), text, starts: Uint32Array.from([0, text.indexOf('\n') + 1].slice(0, n)), offs: Float64Array.from([0, text.indexOf('\n') + 1].slice(0, n)), levels: new Uint8Array(n), late: false, at: now }] },
      });
      merger.receive(part, { k: 'stats', stats: { lines: n, bytes: 0, gaps: 0, perSecond: 0, lastLineAt: 0, lastHeardAt: 0, caughtUp: true } });
    };
    log(0, '2026-11-23 10:00:00 one\n2026-11-23 10:02:00 three\n');
    log(1, '2026-11-23 12:01:00 two\n');
    now += 10 * REORDER;
    merger.flush();
    expect(out.flatMap((item) => (item.k === 'lines' ? String(item.text).trim().split('\n') : [])).map((line) => line.slice(20))).toEqual(['one', 'two', 'three']);
  });
});
