import { describe, expect, it } from 'vitest';
import { summarize } from '../src/text/summary';
import { searchPattern, type Term } from '../src/text/spans';

const term = (query: string): Term => ({ pattern: searchPattern(query)!, cls: 'hit' });
const text = (line: string, ...terms: string[]) => summarize(`${line}\n`, terms.map(term))?.text ?? null;

describe('the summary of a line', () => {
  it('has time, level and message first, and then the other fields', () => {
    expect(text('{"user":{"id":42},"msg":"no stock","level":"error","ts":"2026-11-26T10:00:00Z","n":3}')).toBe('2026-11-26T10:00:00Z error no stock user={"id":42} n=3');
    expect(text('status=200 level=info msg="all well" path="/a b" time=10:00')).toBe('10:00 info all well status=200 path="/a b"');
  });
  it('says which part is which', () => {
    const s = summarize('{"time":"10:00","level":"warn","msg":"slow","ms":900}')!;
    expect(s.marks!.map((m) => [m.cls, s.text.slice(m.start, m.end)])).toEqual([['ts', '10:00'], ['w4', 'warn'], ['src', 'ms='], ['w1', '900']]);
  });
  it('makes numbers for times and levels readable', () => expect(text('{"level":30,"time":1764151200000,"msg":"x","epoch":5}')).toBe('2025-11-26T10:00:00.000Z INFO x epoch=5'));
  it('keeps what stands around an object', () => expect(text('2026-11-26T10:00:00Z stdout F {"msg":"a","b":1} end')).toBe('2026-11-26T10:00:00Z stdout F a b=1 end'));
  it('shortens what is long and counts what is left out', () => {
    expect(text(`{"msg":"m","a":${JSON.stringify(Array.from({ length: 99 }, (_, i) => i))},"s":"${'y'.repeat(99)}"}`)).toBe(`m a=[…99] s=${'y'.repeat(59)}…`);
    const many = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`k${i}`, i]));
    expect(text(JSON.stringify(many))).toMatch(/^k0=0 .* k11=11 \+8$/);
  });
  it('is none for a line that says more than fields', () => {
    for (const line of ['plain', 'GET /a?x=1 done in=3ms by=me', 'a=1', '{"a":1', '[1,2]', '{"a":1}', '{"a":', `{"a":"${'x'.repeat(40_000)}","b":1}`]) expect(text(line)).toBeNull();
  });
  it('is none where it would hide what is looked for', () => {
    const line = `{"msg":"m","deep":{"secret":"needle","more":"${'z'.repeat(80)}"}}`;
    expect(text(line)).toBe('m deep={…2}');
    expect(text(line, 'needle')).toBeNull();
    expect(text(line, 'deep')).not.toBeNull();
    expect(text(line, 'nowhere')).not.toBeNull();
  });
  it('hides and reorders nothing, whatever is escaped', () => {
    expect(text('{"msg":"a\\u001b[31mred\\u001b]8;;http:\\u0007\\u202e\\nb","k\\u0000":"\\u001b[2J"}')).toBe('ared⟦U+202E⟧␊b k␀="\\u001b[2J"');
    expect(text('\x1b[31m{"msg":"red","n":1}\x1b[0m')).toBe('red n=1');
  });
  it('keeps fields of one name apart', () => expect(text('a=1 a=2 msg=x')).toBe('x a=1 a=2'));
});
