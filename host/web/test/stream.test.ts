import { describe, expect, it } from 'vitest';
import { decodeLines } from '../src/stream/decode';
import { Pending } from '../src/stream/pending';
import { parsePosition, samePosition } from '../src/stream/position';
import { chunk } from './make';

describe('positions', () => {
  it('are read with and without a check', () => {
    expect(parsePosition('g1.12')).toEqual({ gen: 'g1', off: 12 });
    expect(parsePosition('g1.12.abc')).toEqual({ gen: 'g1', off: 12 });
    for (const bad of ['', 'g1', 'g1.', 'g1.x', '.5', 'g1.-1']) expect(parsePosition(bad)).toBeNull();
    expect(samePosition('g1.12', 'g1.12.abc')).toBe(true);
  });
});

describe('decodeLines', () => {
  const decode = (text: string, bytes: number, more = {}, skip = 0) => decodeLines({ t: 'lines', start: 'g.100', end: `g.${100 + bytes}`, text, ...more }, 0, skip)!;
  it('derives where lines begin from UTF-8 lengths', () => {
    const c = decode('a\n你好\n👩\nlast', 2 + 7 + 5 + 4);
    expect([...c.offs]).toEqual([100, 102, 109, 114]);
    expect([...c.starts]).toEqual([0, 2, 5, 8]);
  });
  it('believes the server where it says so', () => expect([...decode('a\nb\n', 90, { at: [0, 57] }).offs]).toEqual([100, 157]));
  it('leaves out lines that were received before', () => {
    const c = decode('a\nb\nc\n', 6, {}, 102);
    expect([...c.offs]).toEqual([102, 104]);
    expect(c.text.slice(c.starts[0], c.starts[1])).toBe('b\n');
    expect(decodeLines({ t: 'lines', start: 'g.100', end: 'g.106', text: 'a\nb\nc\n' }, 0, 106)).toBeNull();
  });
  it('takes nothing from a message without positions', () => expect(decodeLines({ t: 'lines', start: '', end: '', text: 'x' }, 0)).toBeNull());
});

describe('Pending', () => {
  it('hands over everything in order', () => {
    const p = new Pending();
    p.push(chunk('g', 0, ['a']));
    p.push(chunk('g', 2, ['b']));
    expect(p.take().items).toHaveLength(2);
    expect(p.empty).toBe(true);
  });
  it('lets the oldest go beyond its bound, and says which', () => {
    const p = new Pending({ lines: 10, chars: 1000 });
    let off = 0;
    for (let i = 0; i < 30; i++) {
      p.push(chunk('g', off, ['x']));
      off += 2;
    }
    const { hole, items } = p.take();
    expect(hole!.lines + items.length).toBe(30);
    expect(hole!.from).toBe('g.0');
    expect(items[0].k === 'lines' && hole!.to === `g.${items[0].offs[0]}`).toBe(true);
    expect(items.length).toBeLessThanOrEqual(10);
  });
});
