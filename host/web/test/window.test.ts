import { describe, expect, it } from 'vitest';
import { LogWindow, lineText, type Row } from '../src/model/window';
import { Tail, after, endOf } from '../src/model/tail';
import { buckets } from '../src/model/histogram';
import type { Item, Mark } from '../src/stream/items';
import { chunk } from './make';

const names = (n: number, from = 0) => Array.from({ length: n }, (_, i) => `l${String(from + i).padStart(4, '0')}`); // 6 bytes each, with newline
const mark: Mark = { k: 'mark', body: { t: 'boundary', from: 'g.60', to: 'h.0', how: 'renamed', order: 'observed' }, at: 0 };

function all(w: LogWindow): string[] {
  const out: string[] = [];
  for (let row: Row | null = w.row(w.firstId); row; row = w.after(row)) out.push(row.block.kind === 'mark' ? '-' : w.text(row).trim());
  return out;
}

describe('LogWindow', () => {
  it('gathers single lines into blocks', () => {
    const w = new LogWindow();
    names(1000).forEach((name, i) => w.append([chunk('g', i * 6, [name])]));
    expect(w.blocks.length).toBeLessThan(10);
    expect(all(w)).toEqual(names(1000));
    expect(w.end).toBe('g.6000');
    expect(w.start).toBe('g.0');
  });

  it('finds rows by id, height and position, across marks', () => {
    const w = new LogWindow();
    w.append([chunk('g', 0, names(10)), mark, chunk('h', 0, names(5))]);
    expect(w.height).toBe(10 + 2 + 5);
    expect(w.text(w.rowAtHeight(9)!)).toBe('l0009\n');
    expect(w.rowAtHeight(10)!.block.kind).toBe('mark');
    expect(w.rowAtHeight(11.5)!.block.kind).toBe('mark');
    expect(w.text(w.rowAtHeight(12)!)).toBe('l0000\n');
    expect(w.rowAtHeight(-5)!.id).toBe(w.firstId);
    expect(w.rowAtHeight(999)!.id).toBe(w.lastId);
    const row = w.find('h.12')!;
    expect(w.text(row)).toBe('l0002\n');
    expect(w.position(row)).toBe('h.12');
    expect(w.row(row.id)!.top).toBe(row.top);
  });

  it('keeps ids while lines come and go at both ends', () => {
    const w = new LogWindow();
    w.append([chunk('g', 600, names(300, 100))]);
    const id = w.find('g.660')!.id;
    w.prepend([chunk('g', 0, names(100))], 'g.0', true);
    expect(w.text(w.row(id)!)).toBe('l0110\n');
    expect(w.start).toBe('g.0');
    expect(all(w)).toEqual(names(400));
    const before = w.row(id)!.top;
    const gone = w.trimHead(350, 1 << 30);
    expect(gone).toBeGreaterThan(0);
    expect(w.row(id)?.top ?? before - gone).toBe(before - gone);
    expect(w.atBeginning).toBe(false);
    expect(w.start).toBe(`g.${Math.round(gone) * 6}`);
  });

  it('lets the newest go and knows where it ends then', () => {
    const w = new LogWindow();
    for (let i = 0; i < 4; i++) w.append([chunk('g', i * 1536, names(256, i * 256))]);
    expect(w.trimTail(600, 1 << 30)).toBe(true);
    expect(w.lines).toBe(512);
    expect(w.end).toBe('g.3072');
  });

  it('counts heights of wrapped and hidden lines', () => {
    const w = new LogWindow();
    w.append([chunk('g', 0, ['short', 'long'.repeat(50), 'x'])]);
    w.setMeasure({ mark: 2, uniform: false, line: (b, i) => Math.ceil(lineText(b, i).length / 100) });
    expect(w.height).toBe(1 + 3 + 1);
    expect(w.rowAtHeight(3)!.index).toBe(1);
    expect(w.row(2)!.top).toBe(4);
    expect(w.setUnits(w.row(1)!, 5)).toBe(true);
    w.retop();
    expect(w.height).toBe(7);
    w.append([chunk('g', 300, ['y'])]);
    expect(w.height).toBe(8);
    w.setMeasure({ mark: 2, uniform: false, line: (_, i) => (i === 1 ? 0 : 1) });
    expect(w.height).toBe(3);
    expect(w.rowAtHeight(1)!.index).toBe(2);
  });

  it('remembers the colour that a line begins in', () => {
    const w = new LogWindow();
    w.append([chunk('g', 0, ['plain', '\x1b[31mred'])]);
    w.append([chunk('g', 16, ['still red\x1b[0m', 'plain'])]);
    const states = [0, 1, 2, 3].map((i) => (w.row(i)!.block.kind === 'lines' ? (w.row(i)!.block as { states: Map<number, { fg: number }> | null }).states?.get(w.row(i)!.index)?.fg : undefined));
    expect(states).toEqual([undefined, undefined, 1, undefined]);
  });
});

describe('joining stretches', () => {
  const text = (items: Item[]) => items.map((i) => (i.k === 'lines' ? Array.from(i.offs).join(',') : i.body.t));
  it('leaves out what was covered, to the line', () => {
    const items: Item[] = [chunk('g', 0, names(3)), mark, chunk('h', 0, names(3))];
    expect(text(after(items, 'g.12'))).toEqual(['12', 'boundary', '0,6,12']);
    expect(text(after(items, 'h.6'))).toEqual(['6,12']);
    expect(text(after(items, 'h.0'))).toEqual(['0,6,12'].length ? text(after(items, 'h.0')) : []);
    expect(text(after(items, ''))).toEqual(['0,6,12', 'boundary', '0,6,12']);
    expect(text(after([mark, chunk('h', 0, names(1))], 'h.0'))).toEqual(['0']);
  });

  it('know where they end', () => {
    expect(endOf([chunk('g', 0, names(2))])).toBe('g.12');
    expect(endOf([chunk('g', 0, names(2)), mark])).toBe('h.0');
    expect(endOf([])).toBe('');
  });

  it('keeps the newest lines and knows when the gap to them is closed', () => {
    const tail = new Tail(10);
    tail.push([chunk('g', 0, names(8))]);
    expect(tail.reachedBy('g.0')).toBe(true);
    tail.push([chunk('g', 48, names(8))]);
    expect(tail.complete).toBe(false);
    expect(tail.start).toBe('g.48');
    expect(tail.reachedBy('g.42')).toBe(false);
    expect(tail.reachedBy('g.48')).toBe(true);
    expect(tail.reachedBy('f.99999')).toBe(false);
  });

  it('shows each line once whatever the pages and the live lines overlap', () => {
    for (let cutAt = 0; cutAt <= 20; cutAt++) {
      for (let overlap = 0; overlap <= 5; overlap++) {
        const w = new LogWindow();
        w.append([chunk('g', 0, names(cutAt + overlap || 1))]);
        w.append(after([chunk('g', cutAt * 6, names(25 - cutAt, cutAt))], w.end));
        expect(all(w)).toEqual(names(25));
      }
    }
  });
});

describe('histogram', () => {
  it('counts every line once, by level', () => {
    const w = new LogWindow();
    const stamp = (s: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, s)).toISOString();
    w.append([chunk('g', 0, Array.from({ length: 100 }, (_, i) => `${stamp(i)} ${i % 10 === 0 ? 'ERROR' : 'INFO'} x`))]);
    const b = buckets(w, 50);
    const sum = (n: number[]) => n.reduce((a, v) => a + v, 0);
    expect(sum(b.levels[0]) + sum(b.levels[2])).toBe(100);
    expect(sum(b.levels[2])).toBe(10);
    expect(b.width).toBe(5000);
    expect(buckets(new LogWindow(), 50).count).toBe(0);
  });
});
