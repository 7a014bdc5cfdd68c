import { describe, expect, it } from 'vitest';
import type { FromWorker } from '../src/stream/items';
import { MergedScans } from '../src/stream/mergedscan';
import type { CountedMessage, FoundMessage, ScanMessage } from '../src/stream/protocol';
import { HistorySearch } from '../src/page/search';

function setup(open = [true, true]) {
  const asked: ScanMessage[][] = [[], []];
  const cancelled: number[][] = [[], []];
  const said: FromWorker[] = [];
  const names = new Map<string, (string | number)[]>([['~.1', ['g.10', 5000]]]);
  const scans = new MergedScans(asked.map((_, i) => ({ scan: (m) => asked[i].push(m), cancel: (id) => cancelled[i].push(id) })), (m) => said.push(m), (at) => names.get(at) ?? null, (places) => {
    const name = `~.${names.size + 1}`;
    names.set(name, places);
    return name;
  }, (part) => open[part]);
  const counted = (m: Partial<CountedMessage>): CountedMessage => ({ t: 'counted', id: 7, buckets: [], at: '', time_ms: null, scanned: 0, left: 0, skipped: 0, ...m });
  const say = (part: number, message: CountedMessage | FoundMessage) => scans.receive(part, { k: 'scanned', message });
  const last = () => {
    const m = said.at(-1)!;
    return m.k === 'scanned' ? m.message : null;
  };
  return { scans, asked, cancelled, said, names, counted, say, last };
}

describe('searches and counts in several logs', () => {
  it('ask each log from its own place, or by the time', () => {
    const t = setup();
    t.scans.start({ t: 'count', id: 7, bucket_ms: 10, at: '~.1', backward: true });
    expect(t.asked).toEqual([[{ t: 'count', id: 7, bucket_ms: 10, at: 'g.10', backward: true }], [{ t: 'count', id: 7, bucket_ms: 10, until_ms: 5000, backward: true }]]);
    t.scans.start({ t: 'count', id: 8, bucket_ms: 10, at: '~.1' });
    expect(t.asked[1][1]).toMatchObject({ since_ms: 5000 });
    t.scans.start({ t: 'count', id: 9, bucket_ms: 10, at: 'nowhere' });
    expect(t.said.at(-1)).toMatchObject({ k: 'failed', id: 9 });
  });
  it('add up, are as far as the slower one, end with the last, and go on from where each has got', () => {
    const t = setup();
    t.scans.start({ t: 'count', id: 7, bucket_ms: 10, backward: true });
    t.say(0, t.counted({ buckets: [[0, 1]], at: 'g.5', time_ms: 100, scanned: 10, left: 3 }));
    expect(t.last()).toMatchObject({ buckets: [[0, 1]], time_ms: null, scanned: 10, left: 3 });
    t.say(1, t.counted({ at: 'h.5', time_ms: 200, scanned: 20, left: 4, end: 'limit' }));
    expect(t.last()).toMatchObject({ buckets: [], time_ms: 200, scanned: 30, left: 7 });
    expect(t.last()!.end).toBeUndefined();
    t.say(0, t.counted({ buckets: [[0, 2]], at: 'g.0', time_ms: 50, scanned: 15, end: 'all' }));
    expect(t.last()).toMatchObject({ time_ms: 200, scanned: 35, end: 'limit' });
    expect(t.names.get(t.last()!.at)).toEqual(['g.0', 'h.5']);
    const said = t.said.length;
    t.say(1, t.counted({ end: 'all' }));
    expect(t.said).toHaveLength(said);
  });
  it('fail as a whole, and leave nothing running', () => {
    const t = setup();
    t.scans.start({ t: 'count', id: 7, bucket_ms: 10 });
    t.say(1, t.counted({ end: 'all' }));
    expect(t.scans.receive(0, { k: 'failed', id: 7, code: 'disconnected', message: '' })).toBe(true);
    expect(t.said.at(-1)).toMatchObject({ k: 'failed', id: 7, code: 'disconnected' });
    expect(t.scans.receive(1, { k: 'failed', id: 7, code: 'cancelled', message: '' })).toBe(false);
    t.scans.start({ t: 'count', id: 8, bucket_ms: 10 });
    t.scans.receive(0, { k: 'failed', id: 8, code: 'bad_request', message: 'no' });
    expect(t.cancelled[1]).toEqual([8]);
    expect(setup([false, false]).scans.start({ t: 'count', id: 1, bucket_ms: 1 })).toBeUndefined();
  });
  it('say what they leave out when a log cannot be read', () => {
    const t = setup([true, false]);
    t.scans.start({ t: 'count', id: 7, bucket_ms: 10 });
    expect(t.asked[1]).toEqual([]);
    t.say(0, t.counted({ end: 'all' }));
    expect(t.last()).toMatchObject({ end: 'all', skipped: 1 });
  });
  it('list what they find by time, and keep the chosen hit', () => {
    let id = 0;
    const search = new HistorySearch(() => ++id, () => undefined, () => undefined);
    const found = (part: number, ...times: (number | null)[]) => search.found({ t: 'found', id, at: '', time_ms: null, scanned: 0, left: 0, skipped: 0, matches: times.map((time_ms) => ({ at: `${part}.${time_ms}`, time_ms, level: '', text: '', part })) });
    search.start('x');
    found(0, 90, 70, null, 50);
    search.chosen.value = 1;
    found(1, 80, 60);
    expect(search.hits.value.map((h) => h.time_ms)).toEqual([90, 80, 70, null, 60, 50]);
    expect(search.hits.value[search.chosen.value].time_ms).toBe(70);
  });
});
