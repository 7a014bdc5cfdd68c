// The scroller that shows the rows of a window: only those in sight exist as elements. One way of counting heights, in units of a
// text row, serves wrapped and unwrapped lines; what wrapping does exactly is measured once a row is painted.

import type { LogWindow, Row } from '../model/window';

export interface SurfaceHooks {
  /** Fills a row's element, which may be a recycled one; returns how many character cells it is wide, about. */
  paint(element: HTMLElement, row: Row): number;
  /** The person scrolled; up says which way. */
  scrolled(up: boolean): void;
  /** After each render. */
  rendered(first: Row | null, last: Row | null): void;
}

interface Anchor {
  id: number;
  /** Pixels between the row's top and the top of the view. */
  dy: number;
}

const OVERSCAN = 8;
const MAX_KEPT = 1500;

export class Surface {
  readonly element = document.createElement('div');
  private readonly spacer = document.createElement('div');
  private readonly rows = document.createElement('div');
  private readonly probe = document.createElement('span');
  private readonly nodes = new Map<number, HTMLElement>();
  private readonly spare: HTMLElement[] = [];
  private anchor: Anchor = { id: 0, dy: 0 };
  private setTo = -1;
  private widest = 0;
  private height = 0;
  private observer: ResizeObserver;
  private follows = true;
  wrap = false;
  unit = 20;
  cellWidth = 7.5;
  private edgeCells = 0;
  /** Pixels above the first row. */
  readonly head = 28;
  readonly foot = 6;

  constructor(private readonly window: LogWindow, private readonly hooks: SurfaceHooks, private readonly resized: () => void) {
    this.element.className = 'surface';
    this.element.tabIndex = 0;
    this.spacer.className = 'spacer';
    this.rows.className = 'rows';
    this.probe.className = 'probe';
    this.probe.textContent = '0'.repeat(100);
    const measure = document.createElement('div');
    measure.className = 'measure';
    measure.setAttribute('aria-hidden', 'true');
    measure.append(this.probe);
    this.spacer.append(this.rows, measure);
    this.element.append(this.spacer);
    this.element.addEventListener('scroll', () => this.onScroll(), { passive: true });
    this.observer = new ResizeObserver(() => this.onResize());
    this.observer.observe(this.element);
    this.observer.observe(this.probe);
  }

  destroy(): void {
    this.observer.disconnect();
  }

  get following(): boolean {
    return this.follows;
  }

  /** Keeps the end in sight; switched off, what is in sight stays. */
  set following(on: boolean) {
    if (this.follows && !on) this.remember();
    this.follows = on;
  }

  /** Character cells that fit in one wrapped row. */
  get columns(): number {
    return Math.max(20, Math.floor((this.element.clientWidth - 34) / this.cellWidth) - 2 - (this.edgeCells && this.edgeCells + 1));
  }

  /** Character cells that are left free at the left edge of each row. */
  set edge(cells: number) {
    this.edgeCells = cells;
    this.element.style.setProperty('--edge', cells === 0 ? '0px' : `${cells + 1}ch`);
  }

  get viewRows(): number {
    return Math.max(1, Math.floor(this.height / this.unit));
  }

  /** Forgets all painted rows, for when what a row looks like has changed. */
  repaint(): void {
    this.nodes.clear(); // elements without a row are filled anew
    this.widest = 0;
    this.rows.style.minWidth = '';
  }

  /** Shows a row. align says where: 0 at the top, 0.5 in the middle. */
  scrollToRow(row: Row, align: number): void {
    const space = this.height - row.units * this.unit;
    this.anchor = { id: row.id, dy: Math.max(0, space * align) };
    this.setTo = this.element.scrollTop;
    this.render();
  }

  scrollBy(pixels: number): void {
    this.element.scrollTop += pixels;
  }

  /** Where the view stands, as last set or seen; asking the element would force a layout. */
  get scrollTop(): number {
    return Math.max(0, this.setTo);
  }

  /** Part of the content that is in sight: where it begins and how much it is, of 1. */
  get sight(): { top: number; size: number } {
    const total = Math.max(1, this.head + this.window.height * this.unit + this.foot);
    return { top: this.scrollTop / total, size: Math.min(1, this.height / total) };
  }

  /** Pixels between the end of the view and the end of the content. */
  get below(): number {
    return this.element.scrollHeight - this.element.clientHeight - this.element.scrollTop;
  }

  /** The first row in sight. */
  topRow(): Row | null {
    return this.window.rowAtHeight((this.element.scrollTop - this.head) / this.unit);
  }

  /** The last row in sight. */
  bottomRow(): Row | null {
    return this.window.rowAtHeight((this.scrollTop - this.head + this.height) / this.unit - 1);
  }

  render(): void {
    // A scroll that is on its way already is the person's wish as well.
    if (!this.following && this.setTo >= 0) this.anchor.dy -= this.element.scrollTop - this.setTo;
    this.place();
    let { first, last } = this.fill();
    // Measured heights differ from the estimate only where lines wrap; two passes settle all but the oddest text.
    for (let pass = 0; this.wrap && pass < 3 && this.measure(); pass++) {
      this.place();
      ({ first, last } = this.fill());
    }
    if (!this.following) this.remember();
    this.hooks.rendered(first, last);
  }

  // Sets height and scroll position, so that what is in sight stays where it is.
  private place(): void {
    const height = this.head + this.window.height * this.unit + this.foot;
    this.spacer.style.height = `${Math.max(height, 0)}px`;
    let top: number;
    if (this.following) top = height - this.height;
    else {
      const row = this.window.row(this.anchor.id) ?? (this.anchor.id < this.window.firstId ? this.window.row(this.window.firstId) : this.window.row(this.window.lastId));
      top = row ? this.head + row.top * this.unit - this.anchor.dy : 0;
    }
    top = Math.max(0, Math.round(top));
    if (Math.abs(this.element.scrollTop - top) >= 1) this.element.scrollTop = top;
    this.setTo = this.element.scrollTop;
  }

  private remember(): void {
    this.setTo = this.element.scrollTop;
    const row = this.topRow();
    if (row) this.anchor = { id: row.id, dy: this.head + row.top * this.unit - this.element.scrollTop };
  }

  private fill(): { first: Row | null; last: Row | null } {
    const from = (this.element.scrollTop - this.head) / this.unit;
    const until = from + this.height / this.unit;
    const kept = this.selectedIds();
    let row = this.window.rowAtHeight(Math.max(0, from - OVERSCAN));
    if (row && kept && kept.low < row.id && row.id - kept.low < MAX_KEPT) row = this.window.row(Math.max(kept.low, this.window.firstId)) ?? row;
    const wanted: Row[] = [];
    let first: Row | null = null;
    let last: Row | null = null;
    while (row && (row.top < until + OVERSCAN || (kept && row.id <= kept.high && wanted.length < MAX_KEPT))) {
      if (row.units > 0) {
        wanted.push(row);
        if (row.top + row.units > from && row.top < until) {
          first ??= row;
          last = row;
        }
      }
      row = this.window.after(row);
    }
    this.arrange(wanted);
    this.rows.style.transform = `translateY(${this.head + (wanted.length ? wanted[0].top * this.unit : 0)}px)`;
    return { first, last };
  }

  // Gives each wanted row an element. Those of rows that are gone are taken over where they stand, in order: when everything has
  // changed, as at the end of a busy log, not one element moves.
  private arrange(wanted: Row[]): void {
    const ids = new Set(wanted.map((w) => w.id));
    const free: HTMLElement[] = [];
    for (let node = this.rows.firstElementChild as HTMLElement | null; node; node = node.nextElementSibling as HTMLElement | null) {
      const id = Number(node.dataset.id);
      if (ids.has(id) && this.nodes.get(id) === node) continue;
      this.nodes.delete(id);
      free.push(node);
    }
    let taken = 0;
    let next: Element | null = this.rows.firstElementChild;
    let widest = this.widest;
    for (const w of wanted) {
      let node = this.nodes.get(w.id);
      if (node === undefined) {
        node = free[taken++] ?? this.spare.pop() ?? document.createElement('div');
        node.dataset.id = String(w.id);
        widest = Math.max(widest, this.hooks.paint(node, w));
        this.nodes.set(w.id, node);
      }
      if (node === next) next = next.nextElementSibling;
      else this.rows.insertBefore(node, next);
    }
    for (; taken < free.length; taken++) this.recycle(free[taken]);
    // The widest line seen sets the width, so that sideways scrolling does not jump as rows come and go.
    if (this.wrap || widest <= this.widest) return;
    this.widest = widest;
    this.rows.style.minWidth = `max(100%, ${Math.ceil((widest + this.edgeCells) * this.cellWidth) + 60}px)`;
  }

  private measure(): boolean {
    let changed = false;
    for (const [id, node] of this.nodes) {
      const row = this.window.row(id);
      if (!row || row.block.kind === 'mark') continue;
      const units = Math.max(1, Math.round(node.offsetHeight / this.unit));
      if (this.window.setUnits(row, units)) changed = true;
    }
    if (changed) this.window.retop();
    return changed;
  }

  private recycle(node: HTMLElement): void {
    node.remove();
    if (this.spare.length < 200) this.spare.push(node);
  }

  private selectedIds(): { low: number; high: number } | null {
    const selection = document.getSelection();
    if (!selection || selection.isCollapsed || this.following) return null;
    const a = this.idOf(selection.anchorNode);
    const b = this.idOf(selection.focusNode);
    if (a === null || b === null) return null;
    return { low: Math.min(a, b), high: Math.max(a, b) };
  }

  /** The id of the row that a node belongs to. */
  idOf(node: Node | null): number | null {
    const element = node instanceof Element ? node : node?.parentElement;
    const id = element?.closest<HTMLElement>('[data-id]')?.dataset.id;
    return id === undefined || !this.rows.contains(element!) ? null : Number(id);
  }

  node(id: number): HTMLElement | undefined {
    return this.nodes.get(id);
  }

  private onScroll(): void {
    const top = this.element.scrollTop;
    if (Math.abs(top - this.setTo) < 1) {
      return; // our own doing, or sideways
    }
    const up = top < this.setTo;
    this.setTo = top;
    this.hooks.scrolled(up);
    if (!this.following) this.remember();
    this.render();
  }

  private onResize(): void {
    this.height = this.element.clientHeight;
    const cell = this.probe.offsetWidth / 100;
    if (cell > 0) this.cellWidth = cell;
    this.resized();
    this.render();
  }
}
