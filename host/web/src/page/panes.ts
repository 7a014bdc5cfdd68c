// Which logs are shown side by side, and what the address says about each. Everything that is shown stands in the address, so that
// going back and sharing a link bring it back.

import { batch, computed, signal, type ReadonlySignal, type Signal } from '@preact/signals';
import type { Stats } from '../stream/items';
import type { Live } from './live';
import { addressOf, parsePanes, parseView, type View } from './url';

/** What is open over a pane. */
export interface Panels {
  help: Signal<boolean>;
  palette: Signal<boolean>;
  /** The palette lists logs to add, and nothing else. */
  adding: Signal<boolean>;
  find: Signal<boolean>;
  filter: Signal<boolean>;
  when: Signal<boolean>;
  why: Signal<boolean>;
}

/** One of the logs that are shown; with the logs that are merged into it. */
export interface Pane {
  readonly id: number;
  readonly log: string;
  /** What its own address says that is none of ours. */
  readonly query: string;
  view: View;
  readonly panels: Panels;
}

/** Most logs side by side. */
export const MOST_PANES = 4;

/** What is shown; nothing means the list of logs. */
export const panes = signal<readonly Pane[]>([]);
/** The pane that keys go to. */
export const active = signal(0);
/** What is shown in the panes, by id, once it is there. */
export const shown = new Map<number, Live>();
let ids = 0;

const waiting = signal<ReadonlyMap<number, number>>(new Map());
/** Lines that have come since the page was last looked at. */
export const unseenLines = computed(() => [...waiting.value.values()].reduce((a, b) => a + b, 0));

/** Counts what comes to a pane while nobody looks; returns what ends that. */
export function unseen(pane: Pane, stats: ReadonlySignal<Stats>): () => void {
  let seen = 0;
  const set = (n: number) => {
    if ((waiting.peek().get(pane.id) ?? 0) !== n) waiting.value = new Map([...waiting.peek()].filter(([id]) => id !== pane.id)).set(pane.id, n);
  };
  const end = stats.subscribe(({ lines }) => {
    if (!document.hidden) seen = lines;
    set(lines - seen);
  });
  return () => {
    end();
    set(0);
  };
}

const sameLogs = (a: Pick<Pane, 'log' | 'view'>, log: string, others: readonly string[]) => a.log === log && a.view.others.join('\n') === others.join('\n');

function show(next: readonly Pane[], front = next[0]?.id ?? 0): void {
  batch(() => {
    panes.value = next;
    active.value = front;
  });
}

function make(log: string, view: View, query = ''): Pane {
  const no = () => signal(false);
  return { id: ++ids, log, query, view, panels: { help: no(), palette: no(), adding: no(), find: no(), filter: no(), when: no(), why: no() } };
}

/** Shows what the address says. What is shown already stays as it is. */
export function arrive(): void {
  const left = [...panes.peek()];
  const next = parsePanes(location, document.baseURI).slice(0, MOST_PANES).map(({ log, query }) => {
    const view = parseView(query);
    const at = left.findIndex((p) => sameLogs(p, log, view.others));
    return at < 0 ? make(log, view, query) : left.splice(at, 1)[0];
  });
  show(next, next.find((p) => p.id === active.peek())?.id);
}

/** Writes down in the address how a pane is looked at now. */
export function note(pane: Pane, view: View): void {
  pane.view = view;
  if (panes.peek().includes(pane)) history.replaceState(history.state, '', address() + location.hash);
}

function address(): string {
  return addressOf(panes.peek(), document.baseURI);
}

function push(next: readonly Pane[], front?: number): void {
  show(next, front);
  history.pushState(null, '', address());
}

/** Opens a log alone, or the list for ''; with others, merged by time. */
export function go(to: string, others: readonly string[] = []): void {
  push(to === '' ? [] : [make(to, { ...parseView(''), others: [...others] })]);
}

/** A link that stays within the document, unless a new tab was asked for. */
export function follow(event: MouseEvent, to: string): void {
  if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  go(to);
}

/** Shows other logs in the place of a pane. */
export function turn(pane: Pane, log: string, others: readonly string[] = []): void {
  const next = make(log, { ...parseView(''), others: [...others] });
  push(panes.peek().map((p) => (p === pane ? next : p)), next.id);
}

/** Opens a log beside what is shown. */
export function beside(log: string): void {
  if (panes.peek().length >= MOST_PANES) return;
  const next = make(log, parseView(''));
  push([...panes.peek(), next], next.id);
}

/** Takes a pane away; without any, the list is shown. */
export function shut(pane: Pane): void {
  const at = panes.peek().indexOf(pane);
  const rest = panes.peek().filter((p) => p !== pane);
  push(rest, rest[Math.min(at, rest.length - 1)]?.id);
}

arrive();
window.addEventListener('popstate', arrive);
