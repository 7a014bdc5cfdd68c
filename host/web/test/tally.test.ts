import { describe, expect, it } from 'vitest';
import { Tally } from '../src/model/tally';
import type { CountedMessage, ScanRange } from '../src/stream/protocol';
import { ansi } from '../src/text/plain';

function setup(bound?: number) {
  const asked: { id: number; range: ScanRange }[] = [];
  const cancelled: number[] = [];
  let ids = 0;
  const tally = new Tally(() => ++ids, (id, _, range) => asked.push({ id, range }), (id) => cancelled.push(id), bound);
  const say = (m: Partial<CountedMessage>) => tally.counted({ t: 'counted', id: asked.at(-1)!.id, buckets: [], at: '', time_ms: null, scanned: 0, left: 0, skipped: 0, ...m });
  return { tally, asked, cancelled, say };
}

describe('Tally', () => {
  it('adds up all levels of all messages, and goes on from where it has got', () => {
    const t = setup();
    t.tally.start('g.0', { include: ['x'] });
    t.say({ buckets: [[0, 1, 2, 3, 4, 5, 6, 7], [60, 1, 0, 0, 0, 0, 0, 0]] });
    expect(t.tally.lines).toBe(29);
    t.say({ buckets: [[0, 1, 0, 0, 0, 0, 0, 0]], at: 'g.90', scanned: 90, end: 'all' });
    expect([t.tally.lines, t.tally.state]).toEqual([30, 'all']);
    t.tally.more();
    expect(t.asked.at(-1)!.range).toMatchObject({ at: 'g.90', include: ['x'] });
    t.say({ buckets: [[0, 2, 0, 0, 0, 0, 0, 0]], at: 'g.95', scanned: 5, end: 'all' });
    expect(t.tally.lines).toBe(32);
  });
  it('looks through so many bytes and no more, and says that there are more', () => {
    const t = setup(100 << 20);
    t.tally.start('g.0', {});
    t.say({ at: 'g.1', scanned: 64 << 20, end: 'limit' });
    expect(t.asked).toHaveLength(2);
    expect(t.asked[1].range.bytes).toBe(36 << 20);
    t.say({ at: 'g.2', scanned: 36 << 20, end: 'limit' });
    expect(t.tally.state).toBe('stopped');
    t.tally.more();
    expect(t.asked).toHaveLength(2);
  });
  it('does not call a sum complete when files could not be read', () => {
    const t = setup();
    t.tally.start('g.0', {});
    t.say({ skipped: 1, end: 'all' });
    expect(t.tally.state).toBe('stopped');
  });
  it('goes on after a lost connection, and takes no answer to what it has given up', () => {
    const t = setup();
    t.tally.start('g.0', {});
    t.say({ buckets: [[0, 5, 0, 0, 0, 0, 0, 0]], at: 'g.50' });
    expect(t.tally.failed(1, 'disconnected')).toBe(true);
    t.tally.more();
    expect(t.asked.at(-1)!.range.at).toBe('g.50');
    t.tally.start('g.7', {});
    expect(t.cancelled).toEqual([2]);
    expect(t.tally.lines).toBe(0);
    expect(t.tally.counted({ t: 'counted', id: 2, buckets: [[0, 9]], at: '', time_ms: null, scanned: 0, left: 0, skipped: 0, end: 'all' })).toBe(false);
  });
});

describe('lines for a terminal', () => {
  const cases: [string, string][] = [
    ['plain', 'plain'],
    ['\x1b[31mred\x1b[0m', '\x1b[31mred\x1b[0m'],
    ['\x1b[1;4;38;5;200;48;2;1;2;3mx', '\x1b[1;4;38;5;200;48;2;1;2;3mx\x1b[0m'],
    ['\x1b[91;102mbright\n', '\x1b[91;102mbright\x1b[0m'],
    ['\x1b]0;title\x07\x1b[2J\x1b[10;10Ha\x1bcb', 'ab'],
    ['a\x00b\x9b31mc', 'a␀b\x1b[31mc\x1b[0m'],
  ];
  it.each(cases)('keep colours and nothing else: %j', (line, wanted) => expect(ansi(line, null)).toBe(wanted));
  it('begin in the colour that went on from before', () => expect(ansi('x\x1b[0my', { fg: 2, bg: -1, flags: 0 })).toBe('\x1b[32mx\x1b[0my'));
});
