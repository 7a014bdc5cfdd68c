// Lines that a person has marked, kept in this browser by log. A position outlives rotation, so a bookmark does.

import { computed, signal } from '@preact/signals';
import type { Row } from '../model/window';
import { bare } from '../stream/position';
import { plain } from '../text/plain';
import { timeOf } from '../text/time';
import { seek } from './find';
import { kept } from './kept';
import type { Live } from './live';

export interface Bookmark {
  /** The position, with the evidence by which the server finds it again. */
  at: string;
  text: string;
  time: number | null;
}

/** Most bookmarks of a log, most logs with any, and characters of a line that are kept. */
const MOST = 200;
const MOST_LOGS = 50;
const SHOWN = 200;

type All = Record<string, Bookmark[]>;

function isBookmark(b: unknown): b is Bookmark {
  const { at, text, time } = (b ?? {}) as Partial<Bookmark>;
  return typeof at === 'string' && typeof text === 'string' && (time === null || typeof time === 'number');
}

const place = typeof document === 'undefined' ? '/' : new URL(document.baseURI).pathname;
const all = kept<All>(`livetail.bookmarks${place}`, (stored) => {
  if (typeof stored !== 'object' || stored === null) return {};
  return Object.fromEntries(Object.entries(stored).slice(0, MOST_LOGS).map(([log, list]) => [log, Array.isArray(list) ? list.filter(isBookmark).slice(0, MOST) : []]));
});

export class Bookmarks {
  /** The list of them is shown. */
  readonly open = signal(false);
  /** Those of each log that is shown. */
  readonly lists = computed(() => this.live.logs.map((log) => all.value[log] ?? []));
  readonly count = computed(() => this.lists.value.reduce((n, list) => n + list.length, 0));
  /** By log, where they are. */
  private readonly places = computed(() => this.lists.value.map((list) => new Set(list.map((b) => bare(b.at)))));

  constructor(private readonly live: Live) {}

  has(row: Row): boolean {
    if (row.block.kind !== 'lines') return false;
    const places = this.places.peek()[row.block.part];
    return places !== undefined && places.size > 0 && places.has(this.live.window.position(row));
  }

  /** Marks the selected line, or none any more; without one, the newest in sight, or the first while reading. */
  toggle(): void {
    const { live } = this;
    const { value: id } = live.selected;
    const row = id !== null ? live.window.row(id) : live.following.value ? live.surface.bottomRow() : live.surface.topRow();
    if (row?.block.kind !== 'lines') return;
    const { part } = row.block;
    const at = live.window.position(row);
    if (this.has(row)) {
      this.remove(part, at);
      return;
    }
    const text = plain(live.window.text(row));
    this.put(part, [...this.lists.peek()[part], { at, text: text.slice(0, SHOWN), time: timeOf(text, live.window.zones[part]) }]);
    // The evidence comes when the server has it.
    void live.addresses.resolve(at, part).then((found) => this.put(part, this.lists.peek()[part].map((b) => (b.at === at ? { ...b, at: found } : b))));
  }

  remove(part: number, at: string): void {
    this.put(part, this.lists.peek()[part].filter((b) => bare(b.at) !== bare(at)));
  }

  /** The server has found a line under another name than it was marked by. */
  renamed(from: string, to: string): void {
    if (from === to || this.live.logs.length > 1) return;
    const list = this.lists.peek()[0];
    if (list.some((b) => bare(b.at) === from)) this.put(0, list.map((b) => (bare(b.at) === from ? { ...b, at: to } : b)));
  }

  /** Goes to the next or the previous one: of what is loaded first, then of the rest, by their times. */
  seek(forwards: boolean): void {
    const { live } = this;
    if (seek(live, forwards, (row) => this.has(row))) return;
    const w = live.window;
    const edge = timeFrom(live, forwards ? w.lastId : w.firstId, forwards ? -1 : 1);
    if (edge === null) return;
    const rest = this.lists.peek().flatMap((list, part) => list.map((b) => ({ ...b, part }))).filter((b) => b.time !== null && (forwards ? b.time > edge : b.time < edge));
    rest.sort((a, b) => (forwards ? a.time! - b.time! : b.time! - a.time!));
    if (rest[0]) this.go(rest[0]);
  }

  /** Shows one, read from history if it is not held. */
  go(b: Bookmark & { part: number }): void {
    this.live.places.showMatch({ at: b.at, part: b.part, time_ms: b.time });
  }

  private put(part: number, list: Bookmark[]): void {
    const log = this.live.logs[part];
    const { [log]: _, ...others } = all.peek();
    // What was marked last stays, should there be too many.
    all.value = Object.fromEntries([...Object.entries(others), ...(list.length ? [[log, list.slice(-MOST)]] : [])].slice(-MOST_LOGS)) as All;
    this.live.repaint();
    this.live.version.value++;
  }
}

function timeFrom(live: Live, id: number, step: number): number | null {
  for (let i = 0; i < 200; i++) {
    const row = live.window.row(id + i * step);
    const time = row?.block.kind === 'lines' ? timeOf(plain(live.window.text(row)), live.window.zones[row.block.part]) : null;
    if (time !== null && time !== undefined) return time;
  }
  return null;
}
