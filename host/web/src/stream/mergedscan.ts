// Searching and counting in several logs as one: each is asked, and the answers are passed on as they come, added up.

import type { FromWorker } from './items';
import type { Place } from './mergepages';
import type { CountedMessage, FoundMessage, ScanMessage } from './protocol';

export interface Scanner {
  scan(message: ScanMessage): void;
  cancel(id: number): void;
}

interface Running {
  message: ScanMessage;
  /** By log: where it has got, and what it last said. */
  places: Place[];
  last: (FoundMessage | CountedMessage | null)[];
}

export class MergedScans {
  private readonly running = new Map<number, Running>();

  constructor(private readonly parts: readonly Scanner[], private readonly send: (m: FromWorker) => void, private readonly places: (at: string) => Place[] | null, private readonly name: (places: Place[]) => string, private readonly open: (part: number) => boolean) {}

  start(message: ScanMessage): void {
    const places = message.at ? this.places(message.at) : this.parts.map((): Place => '');
    if (places === null) {
      this.send({ k: 'failed', id: message.id, code: 'unsupported', message: '' });
      return;
    }
    const { at: _, ...rest } = message;
    const running: Running = { message, places: [...places], last: this.parts.map(() => null) };
    this.running.set(message.id, running);
    this.parts.forEach((part, i) => {
      const place = places[i];
      if (!this.open(i)) running.last[i] = { t: 'counted', id: message.id, buckets: [], at: '', time_ms: null, scanned: 0, left: 0, skipped: 1, end: 'all' };
      else part.scan({ ...rest, ...(typeof place === 'string' ? (place ? { at: place } : {}) : message.backward ? { until_ms: Math.ceil(place) } : { since_ms: Math.floor(place) }) });
    });
    if (running.last.every((m) => m !== null)) this.fail(message.id, 'disconnected', '');
  }

  cancel(id: number): void {
    if (this.running.has(id)) this.parts.forEach((p, i) => this.running.get(id)?.last[i]?.end || p.cancel(id));
  }

  /** Takes what a log says about a search or count; false if it is about something else. */
  receive(part: number, m: FromWorker): boolean {
    if (m.k === 'failed') {
      if (!this.running.has(m.id)) return false;
      this.fail(m.id, m.code, m.message);
      return true;
    }
    if (m.k !== 'scanned') return false;
    const { message } = m;
    const running = this.running.get(message.id);
    if (!running) return true; // it was given up
    running.last[part] = message;
    if (message.at) running.places[part] = message.at;
    const all = running.last;
    const sum = (of: (m: FoundMessage | CountedMessage) => number) => all.reduce((n, l) => n + (l ? of(l) : 0), 0);
    const over = all.every((l) => l?.end);
    const end = over ? (all.find((l) => l!.end !== 'all')?.end ?? 'all') : undefined;
    // As far back as all of them have got; those that are through are through.
    const open = all.filter((l) => !l || l.end !== 'all');
    const times = (open.length > 0 ? open : all).map((l) => l?.time_ms ?? null);
    const time_ms = times.includes(null) && open.length > 0 ? null : times.reduce<number | null>((a, b) => (a === null ? b : b === null ? a : open.length > 0 ? Math.max(a, b) : Math.min(a, b)), null);
    if (over) this.running.delete(message.id);
    const progress = { at: this.name([...running.places]), time_ms, scanned: sum((l) => l.scanned), left: sum((l) => l.left), skipped: sum((l) => l.skipped), ...(end ? { end } : {}) };
    this.send({ k: 'scanned', message: message.t === 'found' ? { t: 'found', id: message.id, ...progress, matches: message.matches.map((hit) => ({ ...hit, part })) } : { t: 'counted', id: message.id, ...progress, buckets: message.buckets } });
    return true;
  }

  // What one of them cannot do is not done by the others alone.
  private fail(id: number, code: string, message: string): void {
    const running = this.running.get(id);
    if (!running) return;
    this.running.delete(id);
    this.parts.forEach((p, i) => running.last[i]?.end || p.cancel(id));
    this.send({ k: 'failed', id, code, message });
  }
}
