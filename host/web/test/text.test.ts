import { describe, expect, it } from 'vitest';
import { fieldsOf, literal } from '../src/text/fields';
import { levelOf, levelWord } from '../src/text/level';
import { markdown, plain } from '../src/text/plain';
import { cut, readingMarks, searchPattern, termMarks } from '../src/text/spans';
import { stampLength, timeOf } from '../src/text/time';
import { traceLink, traceOf } from '../src/text/trace';
import { inZone } from '../src/text/zone';

describe('levelOf', () => {
  it.each([
    ['2020-09-17 08:59:00.123 | INFO     | __main__:<module>:30 - 你好aaa', 3],
    ['2020-09-17 08:59:00.123 | \x1b[33m\x1b[1mWARNING \x1b[0m | x', 4],
    ['{"time":"2026-01-01T00:00:00Z","level":"error","msg":"no INFO here"}', 5],
    ['{"level":30,"msg":"pino"}', 3],
    ['ts=1 level=warn msg="x"', 4],
    ['E0917 08:59:00.123456 1 main.go:3] klog', 5],
    ['[error] 12#12: upstream', 5],
    ['CRITICAL disk is full', 6],
    ['Traceback (most recent call last):', 5],
    ['    at com.example.Main', 0],
    ['information about errors in general', 0],
    ['', 0],
  ])('%s', (line, want) => expect(levelOf(line)).toBe(want));
  it('looks at the head of a line only', () => expect(levelOf(`${'x'.repeat(500)} ERROR`)).toBe(0));
  it('finds the word to colour', () => {
    const line = '08:59 WARN disk';
    const w = levelWord(line)!;
    expect(line.slice(w.start, w.end)).toBe('WARN');
  });
});

describe('time', () => {
  it('measures time stamps', () => {
    expect(stampLength('2020-09-17 08:59:00.123 | INFO')).toBe(23);
    expect(stampLength('2020-09-17T08:59:00Z x')).toBe(20);
    expect(stampLength('Nov 23 07:00:00 host x')).toBe(15);
    expect(stampLength('hello')).toBe(0);
  });
  it('reads times with a zone', () => {
    expect(timeOf('2020-09-17T08:59:00.5Z x')).toBe(Date.UTC(2020, 8, 17, 8, 59, 0, 500));
    expect(timeOf('2020-09-17T08:59:00+02:00 x')).toBe(Date.UTC(2020, 8, 17, 6, 59));
    expect(timeOf('{"level":"info","time":"2020-09-17T08:59:00Z"}')).toBe(Date.UTC(2020, 8, 17, 8, 59));
    expect(timeOf('no time')).toBeNull();
  });
});

describe('time zones', () => {
  const utc = (...at: [number, number, number, number, number]) => Date.UTC(...at);
  it('takes a time without a zone for that of the log', () => {
    expect(timeOf('2026-07-01 12:00:00.5 x', 'Europe/Berlin')).toBe(utc(2026, 6, 1, 10, 0) + 500);
    expect(timeOf('2026-01-01 12:00:00 x', 'Europe/Berlin')).toBe(utc(2026, 0, 1, 11, 0));
    expect(timeOf('2026-01-01 12:00:00 x', 'UTC')).toBe(utc(2026, 0, 1, 12, 0));
    expect(timeOf('2026-01-01 12:00:00 x', '+05:30')).toBe(utc(2026, 0, 1, 6, 30));
    expect(timeOf('2026-01-01 12:00:00 x', '-03:00')).toBe(utc(2026, 0, 1, 15, 0));
    expect(timeOf('{"time":"2026-07-01T12:00:00.123","n":1}', 'Asia/Shanghai')).toBe(utc(2026, 6, 1, 4, 0) + 123);
    expect(timeOf('2026-01-01T12:00:00Z x', 'Europe/Berlin')).toBe(utc(2026, 0, 1, 12, 0));
  });
  it('takes it for that of the browser if the zone is not known', () => {
    const local = new Date(2026, 0, 1, 12).getTime();
    expect(timeOf('2026-01-01 12:00:00 x')).toBe(local);
    expect(timeOf('2026-01-01 12:00:00 x', 'No/Where')).toBe(local);
  });
  it('knows when clocks change', () => {
    // Forward at 01:00 UTC on March 29, back at 01:00 UTC on October 25.
    expect(inZone('Europe/Berlin', utc(2026, 2, 29, 1, 59))).toBe(utc(2026, 2, 29, 0, 59));
    expect(inZone('Europe/Berlin', utc(2026, 2, 29, 3, 0))).toBe(utc(2026, 2, 29, 1, 0));
    expect(inZone('Europe/Berlin', utc(2026, 9, 25, 1, 59))).toBe(utc(2026, 9, 24, 23, 59));
    expect(inZone('Europe/Berlin', utc(2026, 9, 25, 2, 30))).toBe(utc(2026, 9, 25, 0, 30)); // Twice: the first.
    expect(inZone('Europe/Berlin', utc(2026, 9, 25, 3, 0))).toBe(utc(2026, 9, 25, 2, 0));
    expect(inZone('America/St_Johns', utc(2026, 0, 1, 0, 0))).toBe(utc(2026, 0, 1, 3, 30));
  });
});

describe('traces', () => {
  const id = '4bf92f3577b34da6a3ce929d0e0e4736';
  it.each([
    [`x trace_id=${id} y`, id], [`{"traceId": "${id}"}`, id], [`TraceID: ${id.toUpperCase()}`, id], [`trace.id='${id}'`, id],
    [`trace_id=${id}0`, ''], [`trace_id=${id.slice(1)}`, ''], [`trace ${id}`, ''], ['nothing', ''],
  ])('%s', (line, want) => expect(traceOf(line)).toBe(want));
  it('are linked to nothing but web pages', () => {
    expect(traceLink('https://t/{trace_id}?a={trace_id}', id)).toBe(`https://t/${id}?a=${id}`);
    expect(traceLink('javascript:alert(1)//{trace_id}', id)).toBe('');
    expect(traceLink('', id)).toBe('');
  });
});

describe('fields', () => {
  it('reads JSON, nested and after a prefix', () => {
    expect(fieldsOf('INFO {"a":1,"b":{"c":"x"},"d":[1,2]}')).toEqual([{ name: 'a', value: '1' }, { name: 'b.c', value: 'x' }, { name: 'd', value: '[1,2]' }]);
  });
  it('reads logfmt', () => {
    expect(fieldsOf('level=info msg="a \\"b\\" c" n=3')).toEqual([{ name: 'level', value: 'info' }, { name: 'msg', value: 'a "b" c' }, { name: 'n', value: '3' }]);
  });
  it('takes one equals sign for an accident', () => expect(fieldsOf('x=1 and nothing else')).toEqual([]));
  it('makes no prototype out of a log', () => {
    fieldsOf('{"__proto__":{"polluted":true},"a":1}');
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });
  it('quotes for a regular expression', () => expect('a.b(c)').toMatch(new RegExp(`^${literal('a.b(c)')}$`)));
});

describe('spans', () => {
  it('cuts at the borders of overlapping marks', () => {
    expect(cut(0, 6, [{ start: 1, end: 4, cls: 'a' }, { start: 3, end: 9, cls: 'b' }])).toEqual([
      { start: 0, end: 1, cls: '' }, { start: 1, end: 3, cls: 'a' }, { start: 3, end: 4, cls: 'a b' }, { start: 4, end: 6, cls: 'b' },
    ]);
  });
  it('searches for words as they stand, and for expressions between slashes', () => {
    expect('a.b A.B'.match(searchPattern('a.b')!)).toEqual(['a.b', 'A.B']);
    expect('a1 a2'.match(searchPattern('/a\\d/')!)).toEqual(['a1', 'a2']);
    expect(searchPattern('/(/')).toBeNull();
  });
  it('ends on patterns that match nothing', () => expect(termMarks('abc', [{ pattern: /x*/g, cls: 'h' }])).toEqual([]));
  it('sets back the time stamp and sets off the level', () => {
    expect(readingMarks('2020-09-17 08:59:00 ERROR x').map((m) => m.cls)).toEqual(['ts', 'w5']);
  });
});

describe('plain text', () => {
  it('has no escapes and no line ending', () => expect(plain('\x1b[31mred\x1b[0m\x00\r\n')).toBe('red␀'));
  it('is fenced so that nothing breaks out', () => {
    const text = markdown(['```', 'x'], 'log');
    expect(text.split('\n')[2]).toBe('````text');
  });
});
