// Joining stretches of several logs merged by time: each log by its own positions.

import type { Item } from '../stream/items';
import type { Place } from '../stream/mergepages';
import { formatPosition, parsePosition } from '../stream/position';
import type { Joint } from './held';
import { after, type Tail } from './tail';

export class MergedJoint implements Joint {
  /** By log, the end of what has come live; '' where nothing has come: then all is before what is to come. */
  private readonly ends: string[];

  constructor(private readonly logs: number, private readonly places: (at: string) => Place[] | null, private readonly name: (places: Place[]) => string, private readonly before: (part: number) => string) {
    this.ends = Array.from({ length: logs }, () => '');
  }

  came(items: Item[]): void {
    for (const item of items) if (item.k === 'lines' && !item.late) this.ends[item.part ?? 0] = item.end;
  }

  skipped(at: string): void {
    this.places(at)?.forEach((place, part) => {
      if (typeof place === 'string') this.ends[part] = place;
    });
  }

  begun(tail: Tail): void {
    for (let part = 0; part < this.logs; part++) if (this.end(part)) tail.lost.set(part, this.end(part));
  }

  start(tail: Tail): string {
    return this.name(this.ends.map((_, part) => firstOf(tail, part) || tail.lost.get(part) || this.end(part) || Date.now()));
  }

  after(items: Item[], at: string): Item[] {
    const places = this.places(at);
    if (places === null) return items;
    const keep = new Map<Item, Item>();
    for (let part = 0; part < this.logs; part++) {
      const own = items.filter((i) => (i.part ?? 0) === part);
      const place = places[part];
      const rest = typeof place === 'string' ? after(own, place) : own;
      // Of a run that the place lies in, the rest is a copy; it is the first that is left.
      const first = rest.find((i) => !own.includes(i));
      for (const i of rest) if (i !== first) keep.set(i, i);
      if (first?.k === 'lines') keep.set(own.find((i) => i.k === 'lines' && i.gen === first.gen && i.end === first.end)!, first);
    }
    return items.flatMap((i) => keep.get(i) ?? []);
  }

  private end(part: number): string {
    return this.ends[part] || this.before(part);
  }

  reached(tail: Tail, at: string, atEnd: boolean): boolean {
    if (tail.complete) return true;
    const places = this.places(at);
    if (places === null) return false;
    return places.every((place, part) => {
      const lost = parsePosition(tail.lost.get(part) ?? '');
      const p = typeof place === 'string' ? parsePosition(place) : null;
      if (lost === null || p === null) return atEnd;
      if (p.gen === lost.gen) return p.off >= lost.off;
      // What was let go is older than all that is kept.
      return tail.items.some((i) => i.k === 'lines' && (i.part ?? 0) === part && i.gen === p.gen) || (atEnd && firstOf(tail, part) === '');
    });
  }
}

function firstOf(tail: Tail, part: number): string {
  for (const i of tail.items) if (i.k === 'lines' && !i.late && (i.part ?? 0) === part) return formatPosition(i.gen, i.offs[0]);
  return '';
}
