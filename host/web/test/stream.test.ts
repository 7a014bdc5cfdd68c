import { describe, expect, it } from 'vitest';
import { decodeLines, decodeLong } from '../src/stream/decode';
import type { Chunk, Item } from '../src/stream/items';
import { pack, unpack } from '../src/stream/packed';
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
    expect(String(c.text).slice(c.starts[0], c.starts[1])).toBe('b\n');
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

/** What there is to say of each line. */
const told = (items: readonly Item[]) => items.flatMap((i) => (i.k === 'mark' ? [] : Array.from(i.starts, (s, n) => [String(i.text).slice(s, i.starts[n + 1]), i.gen, i.offs[n], i.levels[n]])));

describe('long messages', () => {
  const kinds = ['INFO plain and short', '', 'ERROR "quoted" and \\back\\slashed\\n \\\\', '日志 👩 ü', '{"msg":"a\\nb","n":1}', '\x1b[31mred\x1b[0m', '","piece":"last"}'];
  const message = (lines: string[], more = {}) => {
    const text = lines.map((l) => `${l}\n`).join('');
    return { t: 'lines', start: 'g1.100.c', end: `g1.${100 + Buffer.byteLength(text)}.d`, text, ...more } as const;
  };
  it('are decoded to the very lines that JSON.parse gives, cut wherever', () => {
    let seed = 7;
    const random = (n: number) => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) % n;
    for (let round = 0; round < 300; round++) {
      const m = message(Array.from({ length: 20 + random(60) }, () => kinds[random(round % 2 ? kinds.length : 2)]));
      const chunks = decodeLong(JSON.stringify(m), 5, 10 + random(100))!;
      expect(chunks.length).toBeGreaterThan(1);
      expect(told(chunks)).toEqual(told([decodeLines(m, 5)!]));
      expect(chunks.at(-1)!.end).toBe(m.end);
      // Each goes on where the one before has ended.
      for (let i = 1; i < chunks.length; i++) expect(chunks[i - 1].end).toBe(`g1.${chunks[i].offs[0]}`);
    }
  });
  it('that are anything else are left to JSON.parse', () => {
    const many = Array.from({ length: 50 }, () => 'x');
    const text = many.join('\n');
    expect(decodeLong(JSON.stringify(message(['x'])), 0)).toBeNull();
    for (const m of [message(many, { at: [0] }), message(many, { piece: 'first' }), { ...message(many), text }, { ...message(many), t: 'late' }, { ...message(many), end: 'g1.7' }, { t: 'page', id: 1, events: [message(many)] }])
      expect(decodeLong(JSON.stringify(m), 0, 20)).toBeNull();
    expect(decodeLong(JSON.stringify(message(many)).slice(0, -30) + '\\n"}', 0, 20)).toBeNull();
  });
  it('come through the worker as they are', () => {
    for (const lines of [kinds, ['plain', 'WARN more'], ['\ufeffmark', '']]) {
      const first = decodeLines(message(lines), 5)!;
      const late: Chunk = { ...decodeLines(message(['late one']), 6)!, late: true };
      const mark = { k: 'mark', body: { t: 'resumed', ms: 4 }, at: 1 } as const;
      const [packed] = pack({ items: [first, mark, late], hole: { lines: 1, from: 'a', to: 'b' }, at: 'g1.4' });
      const batch = unpack(structuredClone(packed));
      expect(told(batch.items)).toEqual(told([first, late]));
      expect(batch.items.map((i) => (i.k === 'mark' ? i : { ...i, text: String(i.text), starts: [...i.starts], offs: [...i.offs], levels: [...i.levels] }))).toEqual(
        [first, mark, late].map((i) => (i.k === 'mark' ? i : { ...i, starts: [...i.starts], offs: [...i.offs], levels: [...i.levels] })));
      expect([batch.hole, batch.at]).toEqual([{ lines: 1, from: 'a', to: 'b' }, 'g1.4']);
      expect(batch.items.map((i) => i.k === 'lines' && i.text.length)).toEqual([first.text.length, false, late.text.length]);
    }
  });
});
