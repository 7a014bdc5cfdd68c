// What is held, driven at random against a log that remembers everything: whatever happens, what is held is one stretch of the log,
// with every line once, in order, and every rotation marked.

import { describe, expect, it } from 'vitest';
import { Held } from '../src/model/held';
import type { Item, Page } from '../src/stream/items';
import { chunk } from './make';

type Entry = { gen: number; off: number; n: number } | { from: string; to: string };

class Model {
  entries: Entry[] = [];
  gen = 1;
  off = 0;
  n = 0;
  line(): void {
    this.entries.push({ gen: this.gen, off: this.off, n: this.n++ });
    this.off += 7;
  }
  rotate(): void {
    const from = `g${this.gen}.${this.off}`;
    this.gen++;
    this.off = 0;
    this.entries.push({ from, to: `g${this.gen}.0` });
  }
  items(low: number, high: number): Item[] {
    const out: Item[] = [];
    for (let i = low; i < high; i++) {
      const e = this.entries[i];
      if ('from' in e) out.push({ k: 'mark', body: { t: 'boundary', from: e.from, to: e.to, how: 'renamed', order: 'observed' }, at: 0 });
      else {
        let j = i;
        while (j + 1 < high && j - i < 40 && !('from' in this.entries[j + 1])) j++;
        out.push(chunk(`g${e.gen}`, e.off, Array.from({ length: j - i + 1 }, (_, k) => String(e.n + k).padStart(6, '0'))));
        i = j;
      }
    }
    return out;
  }
  /** Index of the entry that begins at a position. */
  at(position: string): number {
    const i = this.entries.findIndex((e) => ('from' in e ? e.from === position : `g${e.gen}.${e.off}` === position));
    return i < 0 ? this.entries.length : i;
  }
  position(i: number): string {
    const e = this.entries[i];
    return e === undefined ? `g${this.gen}.${this.off}` : 'from' in e ? e.from : `g${e.gen}.${e.off}`;
  }
  page(id: number, at: string, backward: boolean): Page {
    const i = this.at(at);
    const [low, high] = backward ? [Math.max(0, i - 60), i] : [i, Math.min(this.entries.length, i + 60)];
    return { id, items: this.items(low, high), start: this.position(low), end: this.position(high), atBeginning: low === 0, atEnd: high === this.entries.length };
  }
}

function contents(held: Held): { lines: number[]; torn: string } {
  const w = held.window;
  const lines: number[] = [];
  let torn = '';
  let gen = '';
  let marked = false;
  for (let row = w.row(w.firstId); row; row = w.after(row)) {
    if (row.block.kind === 'mark') {
      if (marked) torn ||= `two marks before ${lines.length}`;
      marked = true;
      continue;
    }
    const n = Number(w.text(row));
    if (lines.length && n !== lines[lines.length - 1] + 1) torn ||= `${lines[lines.length - 1]} then ${n}`;
    if (gen !== '' && gen !== row.block.gen && !marked) torn ||= `no mark before ${n}`;
    if (gen === row.block.gen && marked) torn ||= `a mark too many before ${n}`;
    gen = row.block.gen;
    marked = false;
    lines.push(n);
  }
  return { lines, torn };
}

function run(seed: number, steps: number): void {
  let state = seed;
  const random = (n: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
  const model = new Model();
  let ids = 0;
  let asked: { id: number; at: string; backward: boolean }[] = [];
  const held = new Held(() => ++ids, (id, at, backward) => asked.push({ id, at, backward }), { lines: 400, chars: 1 << 20 }, 50);
  const did: string[] = [];
  const live = (low: number) => {
    const items = model.items(low, model.entries.length);
    // Now and then the page cannot keep up, and the oldest of what has come are let go.
    if (random(6) === 0 && items.length > 3) {
      const cut = items.findIndex((item, i) => i > 0 && item.k === 'lines');
      const kept = items.slice(cut);
      const first = kept[0];
      if (cut > 0 && first.k === 'lines') {
        held.accept({ items: kept, hole: { lines: 1, from: '', to: `${first.gen}.${first.offs[0]}` } });
        return;
      }
    }
    held.accept({ items });
  };
  const answer = () => {
    const q = asked.shift();
    if (!q) return;
    if (random(10) === 0) held.failed(q.id, 'disconnected');
    else held.page(model.page(q.id, q.at, q.backward));
  };
  const check = () => {
    const { lines, torn } = contents(held);
    if (torn) throw new Error(`seed ${seed}: ${torn} after ${did.slice(-8).join(', ')}`);
    if (held.following && lines.length && lines[lines.length - 1] !== model.n - 1) throw new Error(`seed ${seed}: following, but not at the end, after ${did.slice(-8).join(', ')}`);
    if (held.window.lines > 400 + 260) throw new Error(`seed ${seed}: holds ${held.window.lines} lines`);
  };
  for (let i = 0; i < steps; i++) {
    const op = random(12);
    const before = model.entries.length;
    if (op < 4) {
      const n = 1 + random(op === 0 ? 300 : 20);
      for (let k = 0; k < n; k++) {
        if (random(90) === 0) model.rotate();
        model.line();
      }
      live(before);
      did.push(`write ${n}`);
    } else if (op === 4) {
      held.pause();
      did.push('pause');
    } else if (op === 5) {
      held.follow();
      did.push('follow');
    } else if (op === 6 && model.entries.length) {
      const p = model.entries[random(model.entries.length)];
      if (!('from' in p)) {
        held.around(`g${p.gen}.${p.off}`);
        did.push(`around ${p.n}`);
      }
    } else if (op < 9) {
      held.readBack();
      did.push('back');
    } else if (op === 9) {
      held.readForth();
      did.push('forth');
    } else {
      answer();
      did.push('answer');
    }
    check();
  }
  // In the end everything can be read.
  held.follow();
  asked = [];
  held.forget();
  held.pause();
  for (let i = 0; i < 2000 && !held.window.atBeginning; i++) {
    held.readBack(true);
    const q = asked.shift();
    if (q) held.page(model.page(q.id, q.at, q.backward));
    check();
  }
  if (model.n === 0) return;
  expect(contents(held).lines[0]).toBe(0);
  for (let i = 0; i < 2000 && !held.attached; i++) {
    held.readForth();
    const q = asked.shift();
    if (q) held.page(model.page(q.id, q.at, q.backward));
    check();
  }
  expect(contents(held).lines.at(-1)).toBe(model.n - 1);
}

describe('Held', () => {
  it('holds one whole stretch of the log, whatever happens', () => {
    for (let seed = 1; seed <= 40; seed++) run(seed, 250);
  }, 60_000);
  it('asks whether to go on when history has no match for long', () => {
    const asked: number[] = [];
    const held = new Held(() => asked.length + 1, (id) => asked.push(id), { lines: 100, chars: 1000 });
    held.clear('g.100000');
    held.readBack();
    for (let i = 0; i < 25 && asked.length > i; i++) held.page({ id: asked[i], items: [], start: `g.${99_000 - i}`, end: '', atBeginning: false, atEnd: false });
    expect(asked).toHaveLength(20);
    expect(held.head).toBe('stopped');
    held.readBack(true);
    expect(asked).toHaveLength(21);
  });
});
