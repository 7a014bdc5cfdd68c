// History of several logs as one, page by page in both directions. A place in several logs is a place in each of them; the server knows
// nothing of it, so it has a name here, as a position that no log has. Each log is asked for its own page, and only what no other log can
// add anything to is shown. A log's own lines always keep the order that they have in it, whatever times they say.

import { timeOf } from '../text/time';
import type { Chunk, FromWorker, Item, Page } from './items';
import { formatPosition } from './position';

/** A place in one log: a position, or the first line from a time on, in ms. */
export type Place = string | number;

/** One of the logs, as far as merging needs it. */
export interface Part {
  read(id: number, at: Place, backward: boolean, lines: number): void;
  ack(): void;
}

/** One line, or one mark, on its way. Its time is never before that of the line before it in its log. */
export interface Single {
  part: number;
  time: number;
  item: Item;
}

/** Where what is held begins or ends. */
export interface Edges {
  /** By log; '' where nothing of it is held. */
  places: string[];
  /** The time there, null if unknown. */
  time: number | null;
  /** Where it ends. */
  end: boolean;
  /** Nothing comes after what is held. */
  attached: boolean;
}

interface Paging {
  id: number;
  at: string;
  backward: boolean;
  lines: number;
  places: Place[];
  /** Answers by log; null while one is missing. */
  pages: (Page | null)[];
  rounds: number;
}

/** Pages without a line after which a log is not asked further for the same page: then the reader of pages decides. */
const ROUNDS = 10;
/** Names of places that are remembered; from what has been forgotten, it goes on by the lines that are held. */
const MOST_PLACES = 10_000;
/** What is asked of the logs has ids of its own. */
export const FIRST_ID = 1e9;

export class MergedPages {
  private readonly named = new Map<string, Place[]>();
  private readonly asked = new Map<number, { paging: Paging; part: number }>();
  private names = 0;
  private ids = FIRST_ID;

  constructor(private readonly parts: readonly Part[], private readonly send: (m: FromWorker) => void, private readonly open: (part: number) => boolean, private readonly edges: (at: string) => Edges | null, private readonly end: (part: number) => string, private readonly zone: (part: number) => string) {}

  /** A name for a place in each log, which reads like a position. */
  name(places: Place[]): string {
    const name = formatPosition('~', ++this.names);
    this.named.set(name, places);
    if (this.named.size > MOST_PLACES) this.named.delete(this.named.keys().next().value!);
    return name;
  }

  /** The place in each log that a name or a line's position stands for; null if nobody knows. */
  places(at: string): Place[] | null {
    const named = this.named.get(at);
    if (named) {
      // What is used is remembered longest.
      this.named.delete(at);
      this.named.set(at, named);
      return named;
    }
    const edges = this.edges(at);
    if (edges === null) return null;
    const { time, end, attached } = edges;
    const places = edges.places.map((place, part): Place | null => {
      if (place) return place;
      // Of a log of which nothing is held, all comes before what reaches the live end; otherwise, by the time.
      if (attached && this.end(part)) return this.end(part);
      return time === null ? null : time + (end ? 0 : 1);
    });
    return places.includes(null) ? null : (places as Place[]);
  }

  forget(): void {
    this.asked.clear();
  }

  read(id: number, at: Place, backward: boolean, lines: number): void {
    if (typeof at === 'number') {
      const start = this.name(this.parts.map(() => at));
      this.send({ k: 'page', page: { id, items: [], start, end: start, atBeginning: false, atEnd: false } });
      return;
    }
    const places = this.places(at);
    if (places === null) {
      this.send({ k: 'failed', id, code: 'unsupported', message: '' });
      return;
    }
    const paging: Paging = { id, at, backward, lines, places, pages: this.parts.map(() => null), rounds: 0 };
    places.forEach((place, part) => {
      if (this.open(part)) this.ask(paging, part, place);
      // One that cannot be read has nothing to add.
      else paging.pages[part] = { id: 0, items: [], start: String(place), end: String(place), atBeginning: true, atEnd: true };
    });
    this.merge(paging);
  }

  page(page: Page): void {
    const asked = this.asked.get(page.id);
    if (!asked) return;
    this.asked.delete(page.id);
    asked.paging.pages[asked.part] = page;
    this.merge(asked.paging);
  }

  failed(id: number, code: string): void {
    const paging = this.asked.get(id)?.paging;
    if (!paging) return;
    for (const [other, a] of this.asked) if (a.paging === paging) this.asked.delete(other);
    this.send({ k: 'failed', id: paging.id, code, message: '' });
  }

  private ask(paging: Paging, part: number, place: Place): void {
    this.asked.set(++this.ids, { paging, part });
    paging.pages[part] = null;
    this.parts[part].read(this.ids, place, paging.backward, paging.lines);
  }

  private merge(p: Paging): void {
    if (p.pages.some((page) => page === null)) return;
    const pages = p.pages as Page[];
    const ended = (page: Page) => (p.backward ? page.atBeginning : page.atEnd);
    const far = (page: Page) => (p.backward ? page.start : page.end);
    // A log with no line in a long stretch (a filter) may have some further on, before those of the others.
    const blocked = pages.flatMap((page, part) => (page.items.length === 0 && !ended(page) ? [part] : []));
    if (blocked.length > 0) {
      if (p.rounds++ < ROUNDS) blocked.forEach((part) => this.ask(p, part, far(pages[part])));
      else this.answer(p, [], p.places.map((place, part) => (blocked.includes(part) ? far(pages[part]) : place)), false);
      return;
    }
    const all = pages.map((page, part) => split(part, page.items, p.places[part], this.zone(part)));
    const cuts = cut(all, pages.map(ended), p.backward);
    const places = all.map((own, part) => {
      const n = cuts[part];
      if (n === own.length) return far(pages[part]) || p.places[part];
      const next = p.backward ? own[own.length - n] : own[n];
      return n === 0 ? p.places[part] : position(next.item as Chunk);
    });
    const kept = all.flatMap((own, part) => (p.backward ? own.slice(own.length - cuts[part]) : own.slice(0, cuts[part])));
    kept.sort((a, b) => a.time - b.time);
    this.answer(p, join(kept), places, pages.every(ended) && cuts.every((n, part) => n === all[part].length));
  }

  private answer(p: Paging, items: Item[], places: Place[], over: boolean): void {
    const first = items.find((i): i is Chunk => i.k === 'lines');
    const to = places.every((place, i) => place === p.places[i]) ? p.at : this.name(places);
    // Forward, the page says where its first line is: that is the place that was asked about.
    const [start, end] = p.backward ? [to, ''] : [first ? position(first) : '', to];
    this.send({ k: 'page', page: { id: p.id, items, start, end, atBeginning: p.backward && over, atEnd: !p.backward && over } });
  }
}

/** How many lines of each page are complete, counted from where they were asked for. */
function cut(all: Single[][], ended: boolean[], backward: boolean): number[] {
  const edge = (own: Single[]) => (backward ? own[0].time : own[own.length - 1].time);
  const limits = all.flatMap((own, part) => (!ended[part] && own.length > 0 ? [edge(own)] : []));
  const horizon = limits.reduce((a, b) => (backward ? Math.max(a, b) : Math.min(a, b)), backward ? -Infinity : Infinity);
  const count = (inside: (time: number) => boolean) => all.map((own) => {
    let n = own.filter((s) => inside(s.time)).length;
    if (n === own.length) return n;
    // A cut is before a line: going back, a mark at it comes again with the next page; going forward, it would not.
    if (backward) while (n > 0 && own[own.length - n].item.k === 'mark') n--;
    else while (n > 0 && n < own.length && own[n].item.k === 'mark') n++;
    return n;
  });
  const complete = count((time) => (backward ? time > horizon : time < horizon));
  // Lines of the very time at which a page was cut may be incomplete; unless there is nothing else, they come with the next page.
  return complete.some((n) => n > 0) ? complete : count((time) => (backward ? time >= horizon : time <= horizon));
}

/** Lines by themselves, each with its time, which is of zone if it names none: one without has that of the line before, and so has one that says an earlier one. */
export function split(part: number, items: readonly Item[], before: Place, zone: string, last = -Infinity): Single[] {
  const out: Single[] = [];
  for (const item of items) {
    if (item.k === 'mark') {
      out.push({ part, time: last, item: { ...item, part } });
      continue;
    }
    for (let i = 0; i < item.starts.length; i++) {
      const text = textOf(item, i);
      last = Math.max(last, timeOf(text, zone) ?? last);
      out.push({
        part, time: last,
        item: { ...item, part, text, starts: Uint32Array.of(0), offs: item.offs.slice(i, i + 1), levels: item.levels.slice(i, i + 1), end: i + 1 < item.starts.length ? formatPosition(item.gen, item.offs[i + 1]) : item.end },
      });
    }
  }
  // What comes before the first time has it as well, or else that of the place.
  const known = out.find((s) => s.time > -Infinity)?.time ?? (typeof before === 'number' ? before : 0);
  for (const s of out) {
    if (s.time > -Infinity) break;
    s.time = known;
  }
  return out;
}

/** Singles as items: lines of one log that follow each other share a chunk. */
export function join(singles: readonly Single[]): Item[] {
  const items: Item[] = [];
  let run: Chunk[] = [];
  const flush = () => {
    if (run.length > 0) items.push(run.length === 1 ? run[0] : together(run));
    run = [];
  };
  for (const { item } of singles) {
    const last = run[run.length - 1];
    if (item.k === 'mark') {
      flush();
      items.push(item);
      continue;
    }
    if (last && (last.part !== item.part || last.gen !== item.gen || last.late !== item.late || last.piece || item.piece || item.offs[0] <= last.offs[0])) flush();
    run.push(item);
  }
  flush();
  return items;
}

function together(run: Chunk[]): Chunk {
  let at = 0;
  const starts = run.map((c) => {
    const start = at;
    at += c.text.length;
    return start;
  });
  return {
    ...run[0], end: run[run.length - 1].end, text: run.map((c) => String(c.text)).join(''), starts: Uint32Array.from(starts),
    offs: Float64Array.from(run, (c) => c.offs[0]), levels: Uint8Array.from(run, (c) => c.levels[0]), plain: run.every((c) => c.plain),
  };
}

function position(chunk: Chunk): string {
  return formatPosition(chunk.gen, chunk.offs[0]);
}

function textOf(chunk: Chunk, i: number): string {
  return String(chunk.text).slice(chunk.starts[i], i + 1 < chunk.starts.length ? chunk.starts[i + 1] : chunk.text.length);
}
