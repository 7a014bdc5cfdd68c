import { describe, expect, it } from 'vitest';
import { Session, streamURL, type SocketLike } from '../src/stream/session';
import type { CountedMessage, FoundMessage } from '../src/stream/protocol';
import type { Beat, Item, Page, StreamState } from '../src/stream/items';

class Socket implements SocketLike {
  sent: { t: string; [key: string]: unknown }[] = [];
  closed = false;
  onopen = null;
  onmessage: SocketLike['onmessage'] = null;
  onclose: SocketLike['onclose'] = null;
  constructor(readonly url: string) {}
  send(text: string) {
    this.sent.push(JSON.parse(text));
  }
  close() {
    this.closed = true;
  }
  say(m: unknown) {
    this.onmessage?.({ data: JSON.stringify(m) });
  }
  hello() {
    this.say({ t: 'hello', v: 1, server: 's', session: '1', log: '/l', heartbeat: { interval_ms: 10_000, timeout_ms: 5_000 } });
  }
}

function setup() {
  const sockets: Socket[] = [];
  const items: Item[] = [];
  const states: StreamState[] = [];
  const pages: Page[] = [];
  const beats: Beat[] = [];
  const failed: [number, string][] = [];
  const scanned: (FoundMessage | CountedMessage)[] = [];
  const filtered: [number, string][] = [];
  const ends: string[] = [];
  let now = 1_000_000;
  let timers: { run: () => void; at: number }[] = [];
  const session = new Session(
    (url) => {
      const s = new Socket(url);
      sockets.push(s);
      return s;
    },
    {
      now: () => now, random: () => 0,
      set: (run, ms) => {
        const timer = { run, at: now + ms };
        timers.push(timer);
        return timer;
      },
      clear: (timer) => (timers = timers.filter((t) => t !== timer)),
    },
    {
      item: (i) => items.push(i), caughtUp: (at) => ends.push(at), state: (s) => states.push(s), page: (p) => pages.push(p), beat: (b) => beats.push(b),
      scanned: (m) => scanned.push(m), failed: (id, code) => failed.push([id, code]), filtered: (id, at) => filtered.push([id, at]),
    },
  );
  const advance = (ms: number) => {
    const end = now + ms;
    for (;;) {
      const due = timers.filter((t) => t.at <= end).sort((a, b) => a.at - b.at)[0];
      if (!due) break;
      timers = timers.filter((t) => t !== due);
      now = Math.max(now, due.at);
      due.run();
    }
    now = end;
  };
  session.open({ url: 'ws://x/l', log: '/l', ticketURL: '', lines: 10, include: [], exclude: [] });
  return { session, sockets, items, ends, states, pages, beats, failed, filtered, scanned, advance, last: () => sockets[sockets.length - 1], state: () => states[states.length - 1] };
}

const lines = (off: number, text: string) => ({ t: 'lines', start: `g.${off}.c`, end: `g.${off + text.length}.d`, text });
const texts = (items: Item[]) => items.flatMap((i) => (i.k === 'lines' ? Array.from(i.starts, (s, n) => String(i.text).slice(s, i.starts[n + 1])) : [`[${i.body.t}]`]));

describe('what the server says of a log', () => {
  it('is told: the zone of its times, and where traces are shown', () => {
    const t = setup();
    t.last().hello();
    expect(t.states.at(-1)).toMatchObject({ zones: [''], traceURL: '' });
    t.last().say({ t: 'hello', v: 1, server: 's', session: '1', log: '/l', zone: 'Asia/Tokyo', trace_url: 'https://t/{trace_id}' });
    expect(t.states.at(-1)).toMatchObject({ zones: ['Asia/Tokyo'], traceURL: 'https://t/{trace_id}' });
  });
});

describe('Session', () => {
  it('asks for the last lines first, and for what comes after the last byte when it returns', () => {
    const t = setup();
    expect(t.last().url).toContain('lines=10');
    t.last().hello();
    t.last().say(lines(0, 'a\nb\n'));
    t.last().onclose!({ code: 1006, reason: '' });
    expect(t.state().phase).toBe('waiting');
    t.advance(250);
    expect(new URL(t.last().url).searchParams.get('from')).toBe('g.4.d');
    expect(t.last().url).not.toContain('lines=');
    t.last().hello();
    t.last().say(lines(4, 'c\n'));
    expect(texts(t.items)).toEqual(['a\n', 'b\n', '[resumed]', 'c\n']);
  });

  it('shows a line once even if the server says it twice', () => {
    const t = setup();
    t.last().hello();
    t.last().say(lines(0, 'a\nb\n'));
    t.last().say(lines(2, 'b\nc\n'));
    expect(texts(t.items)).toEqual(['a\n', 'b\n', 'c\n']);
  });

  it('goes on in the next generation after a boundary, a truncation or a gap', () => {
    const t = setup();
    t.last().hello();
    t.last().say(lines(0, 'a\n'));
    t.last().say({ t: 'boundary', from: 'g.2', to: 'h.0', how: 'renamed', order: 'observed' });
    t.last().say({ t: 'gap', cause: 'deleted', certain: true, after: 'h.0', before: 'i.0' });
    expect(t.session.position).toBe('i.0');
    t.last().say({ t: 'late', start: 'g.2', end: 'g.4', text: 'z\n' });
    expect(t.session.position).toBe('i.0');
    expect(t.session.stats.gaps).toBe(1);
  });

  it('answers pings with their id', () => {
    const t = setup();
    t.last().hello();
    t.last().say({ t: 'ping', id: 7, rtt_ms: 0.5, behind: 10 });
    expect(t.last().sent).toEqual([{ t: 'pong', id: 7 }]);
    expect(t.beats[0]).toMatchObject({ rttMs: 0.5, behind: 10 });
  });

  it('takes a quiet log for alive while its own ping is answered, and a silent connection for dead', () => {
    const t = setup();
    t.last().hello();
    t.advance(18_000);
    expect(t.last().sent).toEqual([{ t: 'ping', id: 1 }]);
    t.last().say({ t: 'pong', id: 1 });
    expect(t.state().phase).toBe('open');
    t.advance(18_000 + 5_000);
    expect(t.sockets[0].closed).toBe(true);
    expect(t.state().phase).toBe('waiting');
  });

  it('does not come back to a refusal', () => {
    const t = setup();
    t.last().say({ t: 'error', code: 'not_allowed', message: 'no' });
    t.last().onclose!({ code: 4503, reason: '' });
    expect(t.state()).toMatchObject({ phase: 'refused', error: { code: 'not_allowed' } });
    t.advance(60_000);
    expect(t.sockets).toHaveLength(1);
  });

  it('comes back when it is told to, not before', () => {
    const t = setup();
    t.last().hello();
    t.last().say({ t: 'bye', reason: 'shutdown', reconnect: true, after_ms: 500, at: '' });
    t.last().onclose!({ code: 1001, reason: '' });
    t.advance(499);
    expect(t.sockets).toHaveLength(1);
    t.advance(1);
    expect(t.sockets).toHaveLength(2);
  });

  it('waits longer from attempt to attempt, ten seconds at most', () => {
    const t = setup();
    const waits: number[] = [];
    for (let i = 0; i < 8; i++) {
      t.last().onclose!({ code: 1006, reason: '' });
      waits.push(t.state().retryAt);
      t.session.retry();
    }
    expect(waits.map((w) => w - 1_000_000)).toEqual([250, 500, 1000, 2000, 4000, 8000, 10_000, 10_000]);
  });

  it('says how far the files were read that it has left, when it comes back, and forgets them with its position', () => {
    const t = setup();
    const left = () => new URL(t.last().url).searchParams.getAll('left');
    t.last().hello();
    t.last().say(lines(0, 'a\n'));
    t.last().say({ t: 'boundary', from: 'g.2.d', to: 'h.0', how: 'renamed', order: 'observed' });
    t.last().say({ t: 'late', start: 'g.2.d', end: 'g.4.e', text: 'z\n' });
    t.last().onclose!({ code: 1006, reason: '' });
    t.advance(250);
    expect(left()).toEqual(['g.4.e']);
    t.last().hello();
    for (let id = 1; id <= 7; id++) {
      t.advance(10_000);
      t.last().say({ t: 'ping', id });
    }
    t.last().say({ t: 'lines', start: 'h.0', end: 'h.2', text: 'b\n' });
    t.last().say({ t: 'gap', cause: 'deleted', certain: true, after: 'h.2', before: 'j.0' });
    t.last().onclose!({ code: 1006, reason: '' });
    t.advance(250);
    expect(left()).toEqual(['h.2']);
    t.last().say({ t: 'error', code: 'position_gone', message: '' });
    t.last().say({ t: 'bye', reason: 'position_gone', reconnect: true, after_ms: 0 });
    t.last().onclose!({ code: 4010, reason: '' });
    t.advance(1000);
    expect(left()).toEqual([]);
  });

  it('says that lines may be missing when its position is gone, and begins with the last lines', () => {
    const t = setup();
    t.last().hello();
    t.last().say(lines(0, 'a\n'));
    t.last().onclose!({ code: 1006, reason: '' });
    t.advance(250);
    t.last().say({ t: 'error', code: 'position_gone', message: '' });
    t.last().say({ t: 'bye', reason: 'position_gone', reconnect: true, after_ms: 0 });
    t.last().onclose!({ code: 4010, reason: '' });
    t.advance(1000);
    expect(new URL(t.last().url).searchParams.get('from')).toBeNull();
    expect(texts(t.items)).toEqual(['a\n', '[position_gone]']);
  });

  it('asks for two pages at a time', () => {
    const t = setup();
    t.last().hello();
    for (const id of [1, 2, 3]) t.session.read(id, 'g.0', true, 10);
    expect(t.last().sent.map((m) => m.id)).toEqual([1, 2]);
    t.last().say({ t: 'page', id: 1, events: [lines(0, 'a\n'), { t: 'caught_up', at: 'g.2' }], start: 'g.0', end: 'g.2', at_beginning: true, at_end: false });
    expect(t.last().sent.map((m) => m.id)).toEqual([1, 2, 3]);
    expect(t.pages[0]).toMatchObject({ id: 1, start: 'g.0', atBeginning: true });
    expect(texts(t.pages[0].items)).toEqual(['a\n']);
  });

  it('searches and counts two at a time, the next as one ends, fails or is cancelled', () => {
    const t = setup();
    t.last().hello();
    const asked = () => t.last().sent.filter((m) => m.t === 'count' || m.t === 'search').map((m) => m.id);
    const count = (id: number) => t.session.scan({ t: 'count', id, bucket_ms: 1000, at: 'g.0' });
    for (const id of [1, 2, 3, 4, 5, 6]) count(id);
    expect(asked()).toEqual([1, 2]);
    // One that goes on does not end; one that waits is cancelled without asking anybody.
    const counted = { t: 'counted', id: 1, buckets: [], at: 'g.9', time_ms: null, scanned: 9, left: 1, skipped: 0 };
    t.last().say(counted);
    t.session.cancel(4);
    expect(asked()).toEqual([1, 2]);
    expect(t.failed).toEqual([[4, 'cancelled']]);
    t.last().say({ ...counted, end: 'limit' });
    expect(asked()).toEqual([1, 2, 3]);
    // One that is under way is cancelled by the server, which says so.
    t.session.cancel(2);
    expect(t.last().sent.at(-1)).toEqual({ t: 'cancel', id: 2 });
    expect(asked()).toEqual([1, 2, 3]);
    t.last().say({ t: 'error', id: 2, code: 'cancelled', message: '' });
    expect(asked()).toEqual([1, 2, 3, 5]);
    // What is said about one that is over goes to nobody.
    const before = t.scanned.length;
    t.last().say({ ...counted, id: 2 });
    expect(t.scanned).toHaveLength(before);
    // With the connection go those that were asked for and those that waited; the next connection is asked for none of them.
    t.last().onclose!({ code: 1006, reason: '' });
    expect(t.failed.slice(2)).toEqual([[3, 'disconnected'], [5, 'disconnected'], [6, 'disconnected']]);
    t.advance(250);
    t.last().hello();
    expect(asked()).toEqual([]);
    count(7);
    expect(asked()).toEqual([7]);
  });

  it('answers every search and count once, and never asks for more than two, at random', () => {
    for (let seed = 1; seed <= 200; seed++) {
      let a = seed;
      const rnd = (n: number) => ((a = (a * 1103515245 + 12345) & 0x7fffffff) >> 8) % n;
      const t = setup();
      t.last().hello();
      const open: number[] = []; // what the server works on
      let seen = 0;
      let ids = 0;
      const over = new Map<number, number>();
      const note = () => {
        t.last().sent.slice(seen).forEach((m) => m.t === 'count' && open.push(m.id as number));
        seen = t.last().sent.length;
        expect(open.length, `seed ${seed}`).toBeLessThanOrEqual(2);
      };
      const end = (id: number, message: object) => {
        open.splice(open.indexOf(id), 1);
        t.last().say({ id, ...message });
      };
      for (let step = 0; step < 60; step++) {
        const one = open[rnd(Math.max(1, open.length))];
        const what = rnd(10);
        if (what < 4) t.session.scan({ t: 'count', id: ++ids, bucket_ms: 1 });
        else if (what < 6 && one) end(one, { t: 'counted', buckets: [], at: '', time_ms: null, scanned: 0, left: 0, skipped: 0, end: 'all' });
        else if (what === 6 && one) end(one, { t: 'error', code: 'overloaded', message: '' });
        else if (what === 7 && ids > 0) {
          const id = 1 + rnd(ids);
          const asked = t.last().sent.length;
          t.session.cancel(id);
          if (t.last().sent.length > asked) end(id, { t: 'error', code: 'cancelled', message: '' });
        } else if (what === 8 && rnd(3) === 0) {
          t.last().onclose!({ code: 1006, reason: '' });
          t.advance(20_000);
          open.length = seen = 0;
          t.last().hello();
        }
        note();
      }
      while (open.length > 0) {
        end(open[0], { t: 'counted', buckets: [], at: '', time_ms: null, scanned: 0, left: 0, skipped: 0, end: 'all' });
        note();
      }
      for (const m of t.scanned) if (m.end) over.set(m.id, (over.get(m.id) ?? 0) + 1);
      for (const [id] of t.failed) over.set(id, (over.get(id) ?? 0) + 1);
      expect([...over].sort((x, y) => x[0] - y[0]), `seed ${seed}`).toEqual(Array.from({ length: ids }, (_, i) => [i + 1, 1]));
    }
  });

  it('fails what was asked when the connection breaks, and keeps the filter that was wanted', () => {
    const t = setup();
    t.last().hello();
    t.session.read(1, 'g.0', true, 10);
    t.session.filter(2, ['x'], []);
    t.last().onclose!({ code: 1006, reason: '' });
    expect(t.failed).toEqual([[1, 'disconnected']]);
    expect(t.filtered.map(([id]) => id)).toEqual([2]);
    t.advance(250);
    expect(new URL(t.last().url).searchParams.getAll('include')).toEqual(['x']);
  });

  it('knows where to read back from when no line came at all', () => {
    const t = setup();
    t.last().hello();
    t.last().say({ t: 'caught_up', at: 'g.500' });
    expect(t.ends).toEqual(['g.500']);
  });

  it('ignores what it does not know', () => {
    const t = setup();
    t.last().hello();
    t.last().say({ t: 'tomorrow' });
    t.last().onmessage!({ data: 'no json' });
    expect(t.state().phase).toBe('open');
  });

  it('puts the whole request into the address', () => {
    const url = streamURL({ url: 'ws://x/l', log: '/l', ticketURL: '', lines: 5, wait: true, include: ['a b', 'c'], exclude: ['d'] }, '');
    expect(url).toBe('ws://x/l?tail=1&format=raw&lines=5&wait=1&include=a+b&include=c&exclude=d');
  });
});
