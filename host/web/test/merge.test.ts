// Several logs merged: whatever comes when, however it is paged, each line is there once, and in the order of time.

import { describe, expect, it } from 'vitest';
import { Held } from '../src/model/held';
import { lineText } from '../src/model/window';
import type { Chunk, FromWorker, Page, StreamState } from '../src/stream/items';
import { Merger, REORDER, type Part } from '../src/stream/merge';
import { formatPosition, parsePosition } from '../src/stream/position';

const state: StreamState = { phase: 'open', plugin: 'up', attempt: 0, retryAt: 0, error: null, server: '', capabilities: ['filter', 'scan'], pageLines: 10 };
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

/** A log in memory, and the requests to it that have not been answered yet. */
class Log implements Part {
  lines: { off: number; text: string; time: number }[] = [];
  off = 0;
  asked: (() => void)[] = [];
  acks = 0;
  constructor(readonly gen: string, private readonly answer: (m: FromWorker) => void) {}
  write(time: number, text: string): void {
    const line = `${stamp(time)} ${text}\n`;
    this.lines.push({ off: this.off, text: line, time });
    this.off += line.length;
  }
  chunk(from: number, to: number): Chunk[] {
    const part = this.lines.slice(from, to);
    if (part.length === 0) return [];
    let text = '';
    const starts = part.map((l) => {
      const at = text.length;
      text += l.text;
      return at;
    });
    const last = part[part.length - 1];
    return [{ k: 'lines', gen: this.gen, end: formatPosition(this.gen, last.off + last.text.length), text, starts: Uint32Array.from(starts), offs: Float64Array.from(part.map((l) => l.off)), levels: new Uint8Array(part.length), late: false, at: 0 }];
  }
  read(id: number, at: string | number, backward: boolean, lines: number): void {
    this.asked.push(() => {
      const index = typeof at === 'number' ? this.lines.findIndex((l) => base + l.time >= at) : this.lines.findIndex((l) => l.off >= parsePosition(at)!.off);
      const i = index < 0 ? this.lines.length : index;
      const [low, high] = backward ? [Math.max(0, i - lines), i] : [i, Math.min(this.lines.length, i + lines)];
      const position = (n: number) => formatPosition(this.gen, this.lines[n]?.off ?? this.off);
      const page: Page = { id, items: this.chunk(low, high), start: position(low), end: position(high), atBeginning: low === 0, atEnd: high === this.lines.length };
      this.answer({ k: 'page', page });
    });
  }
  ack(): void {
    this.acks++;
  }
}

describe('logs merged by time', () => {
  it('have every line once and in order, live and through all of history, at random', () => {
    for (let seed = 1; seed <= 60; seed++) {
      const rnd = random(seed);
      const upTo = (n: number) => Math.floor(rnd() * n);
      let now = base + 10_000_000;
      let ids = 0;
      const held: Held = new Held(() => ++ids, (id, at, backward) => merger.read(id, at, backward, 10), { lines: 100_000, chars: 1 << 24 });
      const logs: Log[] = Array.from({ length: 2 + upTo(3) }, (_, i) => new Log(`g${i}`, (m) => merger.receive(i, m)));
      const merger: Merger = new Merger(logs, (m) => {
        if (m.k === 'batch') {
          held.accept(m.batch);
          acks.push(() => merger.ack());
        } else if (m.k === 'page') held.page(m.page);
        else if (m.k === 'failed') held.failed(m.id, m.code);
      }, () => now);
      const acks: (() => void)[] = [];
      // Some of the times are the same in several logs, and within one.
      for (const [i, log] of logs.entries()) {
        let time = upTo(500);
        for (let k = upTo(150); k > 0; k--) log.write((time += upTo(4) * 25), `${i} line ${log.lines.length}`);
      }
      merger.lines = 20;
      const sent = logs.map((log) => Math.max(0, log.lines.length - 20));
      const deliver = (i: number) => {
        const to = logs[i].lines.length;
        const items = logs[i].chunk(sent[i], to);
        sent[i] = to;
        if (items.length) merger.receive(i, { k: 'batch', batch: { items } });
      };
      const settle = () => {
        for (let quiet = 0; quiet < 3; ) {
          const due = [...acks.splice(0), ...logs.flatMap((l) => l.asked.splice(0))];
          if (due.length === 0) quiet++;
          due.sort(() => rnd() - 0.5).forEach((run) => run());
          merger.flush();
        }
      };
      logs.forEach((_, i) => {
        merger.receive(i, { k: 'state', state });
        deliver(i);
        merger.receive(i, { k: 'stats', stats: { lines: logs[i].lines.length - Math.max(0, logs[i].lines.length - 20), bytes: 0, gaps: 0, perSecond: 0, lastLineAt: 0, lastHeardAt: 0, caughtUp: true } });
      });
      now += 2 * REORDER;
      settle();
      // New lines come, the logs a little apart from each other.
      let time = Math.max(...logs.map((l) => l.lines.at(-1)?.time ?? 0)) + 100;
      for (let round = 0; round < 10; round++) {
        time += 50;
        for (const log of logs) if (rnd() < 0.6) log.write(time + upTo(40), `new ${log.lines.length}`);
        logs.map((_, i) => i).sort(() => rnd() - 0.5).forEach(deliver);
        now += 2 * REORDER;
        settle();
      }
      held.pause();
      for (let tries = 0; !held.window.atBeginning && tries < 200; tries++) {
        held.readBack(true);
        settle();
      }
      const shown: { part: number; text: string }[] = [];
      for (const b of held.window.blocks) if (b.kind === 'lines') for (let i = 0; i < b.n; i++) shown.push({ part: b.part, text: lineText(b, i) });
      logs.forEach((log, i) => expect(shown.filter((s) => s.part === i).map((s) => s.text), `log ${i}, seed ${seed}`).toEqual(log.lines.map((l) => l.text)));
      const times = shown.map((s) => s.text.slice(0, 23));
      expect(times, `seed ${seed}`).toEqual([...times].sort());
    }
  });

  it('cannot be searched or counted as one, and say so', () => {
    const said: FromWorker[] = [];
    const merger: Merger = new Merger([new Log('a', () => undefined), new Log('b', () => undefined)], (m) => said.push(m), () => 0);
    merger.receive(0, { k: 'state', state });
    merger.receive(1, { k: 'state', state: { ...state, phase: 'waiting' } });
    const last = said.at(-1)!;
    expect(last.k === 'state' && [last.state.phase, last.state.capabilities]).toEqual(['waiting', ['filter']]);
    merger.read(1, 'a.0', false, 10);
    expect(said.at(-1)).toMatchObject({ k: 'failed', id: 1 });
  });
});
