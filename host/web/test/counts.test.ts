import { describe, expect, it } from 'vitest';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Counts, spanFor, widthFor } from '../src/model/counts';
import type { ScanRange } from '../src/stream/protocol';
import { foldOf } from '../src/text/fold';
import { LEVELS, levelOf } from '../src/text/level';
import { when } from '../src/text/when';
import { patternFor } from '../src/page/search';

describe('levels', () => {
  it('are what the server says they are', () => {
    const cases = JSON.parse(readFileSync(join(import.meta.dirname, '../../../plugin/internal/level/testdata/levels.json'), 'utf8')) as [string, string][];
    expect(cases.length).toBeGreaterThan(30);
    for (const [line, level] of cases) expect([line, LEVELS[levelOf(line)]]).toEqual([line, level || 'none']);
  });
});

describe('counts', () => {
  function setup() {
    const asked: { id: number; bucket: number; range: ScanRange }[] = [];
    const cancelled: number[] = [];
    let ids = 0;
    const counts = new Counts(() => ++ids, (id, bucket, range) => asked.push({ id, bucket, range }), (id) => cancelled.push(id));
    const answer = (buckets: number[][], change: object = {}) =>
      counts.counted({ t: 'counted', id: asked.at(-1)!.id, buckets, at: 'g.5', time_ms: buckets[0]?.[0] ?? null, scanned: 1 << 20, left: 100, skipped: 0, ...change });
    return { counts, asked, cancelled, answer };
  }

  it('go back from a position until the time that is shown is covered, and on from there with what is new', () => {
    const { counts, asked, cancelled, answer } = setup();
    counts.span = 60_000;
    counts.begin('g.100', ['x'], []);
    expect(asked).toHaveLength(1);
    expect(asked[0].range).toMatchObject({ at: 'g.100', backward: true, include: ['x'] });
    answer([[1_000_000, 1, 2, 3, 4, 5, 6, 7]]);
    expect(counts.buckets.get(1_000_000)).toEqual({ quiet: 10, warn: 5, error: 13 });
    answer([[900_000, 1, 0, 0, 0, 0, 0, 0]]);
    expect(cancelled).toEqual([1]);
    counts.failed(1, 'cancelled');
    expect(counts.backState).toBe('all');
    counts.news();
    expect(asked[1].range).toMatchObject({ at: 'g.100', include: ['x'] });
    expect(asked[1].range.backward).toBeUndefined();
    counts.news();
    expect(asked).toHaveLength(2);
    answer([[1_000_000, 0, 0, 0, 0, 1, 0, 0]], { at: 'g.200', end: 'all' });
    expect(counts.buckets.get(1_000_000)!.warn).toBe(6);
    counts.news();
    expect(asked[2].range.at).toBe('g.200');
  });

  it('stop where nobody asked for more, and go on when somebody does', () => {
    const { counts, asked, answer } = setup();
    counts.begin('g.100', [], []);
    for (let i = 0; i < 4; i++) answer([[1_000_000 - i * 1000, 1]], { end: 'limit', scanned: 64 << 20 });
    expect(counts.backState).toBe('stopped');
    const before = asked.length;
    counts.further();
    expect(asked).toHaveLength(before + 1);
    expect(asked.at(-1)!.range.at).toBe('g.5');
    answer([], { end: 'all' });
    expect(counts.backState).toBe('all');
  });

  it('zoom to a stretch of time with narrower buckets', () => {
    const { counts, asked, answer } = setup();
    counts.span = 3_600_000;
    counts.begin('g.100', [], []);
    const wide = counts.width;
    counts.zoom({ from: 10_000, to: 20_000 });
    expect(counts.width).toBeLessThan(wide);
    expect(asked.at(-1)!.range).toMatchObject({ since_ms: 10_000, until_ms: 20_000, backward: true });
    answer([[12_000, 3]], { end: 'all' });
    expect(counts.range).toEqual({ from: 10_000, to: 20_000 });
    const n = asked.length;
    counts.news();
    expect(asked).toHaveLength(n);
  });

  it('widths and lengths are those of clocks', () => {
    expect(widthFor(60_000, 240)).toBe(500);
    expect(widthFor(86_400_000, 240)).toBe(600_000);
    expect(spanFor(1)).toBe(60_000);
    expect(spanFor(Infinity)).toBe(2_592_000_000);
  });
});

describe('times that are typed', () => {
  const now = new Date(2026, 10, 23, 12, 0, 0).getTime();
  const local = (...parts: [number, number, number, number?, number?, number?, number?]) => new Date(...(parts as unknown as [number, number])).getTime();
  it.each<[string, number | null]>([
    ['10:31', local(2026, 10, 23, 10, 31)],
    ['10:31:05.250', local(2026, 10, 23, 10, 31, 5, 250)],
    ['23:00', local(2026, 10, 22, 23)],
    ['2026-11-20', local(2026, 10, 20)],
    ['2026-11-20 08:05', local(2026, 10, 20, 8, 5)],
    ['2026-11-20T08:05:01', local(2026, 10, 20, 8, 5, 1)],
    ['11-20 08:05', local(2026, 10, 20, 8, 5)],
    ['yesterday 17:30', local(2026, 10, 22, 17, 30)],
    ['昨天 17:30', local(2026, 10, 22, 17, 30)],
    ['today', local(2026, 10, 23)],
    ['15 min ago', now - 900_000],
    ['-15m', now - 900_000],
    ['3 hours ago', now - 10_800_000],
    ['15 分钟前', now - 900_000],
    ['', null], ['soon', null], ['25:00', null], ['10:61', null], ['5 parsecs ago', null], ['2026-13-01', null],
  ])('%s', (typed, want) => expect(when(typed, now)).toBe(want));
});

describe('folding', () => {
  const s = '2026-11-23 10:00:00.000';
  it.each<[string, string, string]>([
    [`${s} | INFO | same\n`, '2026-11-23 10:00:01.500 | INFO | same\n', 'repeat'],
    [`${s} | INFO | one\n`, `${s} | INFO | two\n`, ''],
    ['\n', '\n', ''],
    [`${s} | ERROR | it broke\n`, 'Traceback (most recent call last):\n', 'trace'],
    ['Traceback (most recent call last):\n', '  File "/srv/a.py", line 1, in b\n', 'trace'],
    ['    raise ValueError("x")\n', 'ValueError: x\n', 'trace'],
    [`${s} | ERROR | it broke\n`, 'ValueError: x\n', ''],
    ['java.io.IOException: x\n', '\tat com.example.Main.main(Main.java:5)\n', 'trace'],
    ['\tat com.example.Main.main(Main.java:5)\n', 'Caused by: java.lang.Error\n', 'trace'],
    ['panic: x\n', 'goroutine 1 [running]:\n', 'trace'],
    ['goroutine 1 [running]:\n', 'main.main()\n', 'trace'],
    ['main.main()\n', '\t/src/main.go:5 +0x1d\n', 'trace'],
    ['\t/src/main.go:5 +0x1d\n', `${s} | INFO | next\n`, ''],
  ])('%s then %s', (before, line, want) => expect(foldOf(line, before)).toBe(want));
});

it('what is typed is searched as it stands, or as an expression between slashes', () => {
  expect(patternFor('a.b(c)')).toBe('(?i)a\\.b\\(c\\)');
  expect(patternFor('/a+b/')).toBe('a+b');
  expect(patternFor('/a+b/i')).toBe('(?i)a+b');
});
