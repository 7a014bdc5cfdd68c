// The element of a row: a line with its level in the gutter, or a mark between lines.

import type { LogWindow, MarkBlock, Row } from '../model/window';
import type { Term } from '../text/spans';
import { bytes, duration, number, t, type Key } from '../i18n/text';
import { foldAt } from '../page/looks';
import type { Fold } from '../text/fold';
import { paintLine, shown, type Shown } from './paint';

/** Folded lines that are counted; beyond, the number is followed by a plus. */
const MOST_FOLDED = 9999;

export class RowPainter {
  terms: Term[] = [];
  search: RegExp | null = null;
  selected: number | null = null;
  /** The position that the address points to. */
  at = '';
  /** Repeats and stack traces are folded into the row before them. */
  fold = false;
  /** What is shown; with several, each row has the colour of its log. */
  logs: readonly string[] = [];

  /** What stands at the edge of a row. */
  edge: ((row: Row) => string) | null = null;
  /** What is shown in the place of a structured line; null for any other, and where one of the terms would not be seen. */
  summary: ((raw: string, terms?: readonly Term[]) => Shown | null) | null = null;
  /** Says whether a row has a bookmark. */
  kept: (row: Row) => boolean = () => false;

  constructor(private readonly window: LogWindow) {}

  paint(element: HTMLElement, row: Row): number {
    if (row.block.kind === 'mark') {
      this.paintMark(element, row.block);
      return 0;
    }
    let cls = `row l${row.block.levels[row.index]}`;
    if (this.logs.length > 1) cls += ` part part${row.block.part}`;
    if (row.block.late) cls += ' late';
    if (row.id === this.selected) cls += ' selected';
    if (this.at !== '' && this.window.position(row) === this.at) cls += ' at';
    if (this.kept(row)) cls += ' kept';
    if (element.className !== cls) element.className = cls;
    // No text of the page: it is neither selected nor copied with the line.
    if (this.edge) element.dataset.edge = this.edge(row);
    else if (element.dataset.edge !== undefined) delete element.dataset.edge;
    let message = element.childNodes[1] as HTMLElement | undefined;
    if (message?.className !== 'm' || element.childNodes.length !== 2) {
      const gutter = document.createElement('span');
      gutter.className = 'g';
      gutter.setAttribute('aria-hidden', 'true');
      message = document.createElement('span');
      message.className = 'm';
      element.title = '';
      element.replaceChildren(gutter, message);
    }
    if (this.logs.length > 1) element.title = this.logs[row.block.part] ?? '';
    const raw = this.window.text(row);
    const line = this.summary?.(raw, this.terms) ?? shown(raw, row.block.states?.get(row.index) ?? null);
    paintLine(message, line, this.terms);
    if (row.block.late) element.append(badge(t('late'), t('lateHint')));
    const more = line.rest + this.restOfPieces(row);
    if (more > 0) element.append(badge(t('moreOfLine', { size: bytes(more) }), t('moreHint')));
    if (this.fold) {
      const { kind, ids, more: many } = this.folded(row);
      if (kind !== '') element.append(foldBadge(kind, ids.length, many));
    }
    return line.cells + (element.childNodes.length > 2 ? 12 : 0);
  }

  /** The rows that belong to one: those that repeat it, or the rest of a stack trace. more says that there are more than are told. */
  folded(row: Row): { kind: Fold; ids: number[]; more: boolean } {
    let kind: Fold = '';
    const ids: number[] = [];
    let before = row;
    for (let next = this.window.after(row); next; next = this.window.after(next)) {
      if (next.block.kind !== 'lines' || next.block.piece || before.block.kind !== 'lines') break;
      const fold = foldAt(next.block, next.index, before.block === next.block ? null : before.block);
      if (fold === '' || (kind !== '' && fold !== kind && kind === 'repeat')) break;
      kind ||= fold;
      if (ids.length >= MOST_FOLDED) return { kind, ids, more: true };
      ids.push(next.id);
      before = next;
    }
    return { kind, ids, more: false };
  }

  // Pieces of a long line follow its first row without a row of their own.
  private restOfPieces(row: Row): number {
    let rest = 0;
    if (row.index !== row.block.n - 1) return 0;
    for (let next = this.window.after(row); next && next.block.kind === 'lines' && next.block.piece; next = this.window.after(next)) rest += next.block.text.length;
    return rest;
  }

  private paintMark(element: HTMLElement, block: MarkBlock): void {
    const { kind, title, detail, facts } = describe(block);
    element.className = `row mark mark-${kind}`;
    delete element.dataset.edge;
    element.title = facts.join('\n');
    const box = document.createElement('span');
    box.className = 'box';
    const head = document.createElement('b');
    head.textContent = title;
    const rest = document.createElement('span');
    rest.textContent = detail;
    box.append(head, rest);
    element.replaceChildren(box);
  }
}

function foldBadge(kind: Fold, n: number, more: boolean): HTMLElement {
  const b = badge(kind === 'repeat' ? `×${number(n + 1)}${more ? '+' : ''}` : t('foldedLines', { n: number(n) + (more ? '+' : '') }), t(kind === 'repeat' ? 'foldRepeat' : 'foldTrace'));
  b.classList.add('fold');
  return b;
}

function badge(text: string, title: string): HTMLElement {
  const b = document.createElement('span');
  b.className = 'badge';
  b.textContent = text;
  b.title = title;
  return b;
}

/** Says what a mark means, in the reader's language. */
export function describe(block: MarkBlock): { kind: string; title: string; detail: string; facts: string[] } {
  const body = block.mark.body;
  switch (body.t) {
    case 'boundary':
      return {
        kind: 'boundary', title: t('boundary'),
        detail: [body.name ?? '', t(`how_${body.how}` as Key), t(`order_${body.order}` as Key)].filter(Boolean).join(' · '), facts: [`${body.from} → ${body.to}`],
      };
    case 'truncated':
      return { kind: 'boundary', title: t('truncated'), detail: t('truncatedDetail'), facts: [`${body.from} → ${body.to}`] };
    case 'gap': {
      const much = [
        body.lines != null ? t('gapLines', { n: number(body.lines) }) : '',
        body.bytes != null ? bytes(body.bytes) : body.min_bytes != null ? t('atLeast', { size: bytes(body.min_bytes) }) : '',
        body.generations != null ? t('gapFiles', { n: number(body.generations) }) : '',
      ].filter(Boolean);
      return {
        kind: body.certain ? 'gap' : 'maybe', title: t(body.certain ? 'gap' : 'maybeGap'),
        detail: [t(`cause_${body.cause}` as Key), ...(much.length ? much : [t('unknownSize')])].join(' · '), facts: body.evidence ?? [],
      };
    }
    case 'position_gone':
      return { kind: 'maybe', title: t('maybeGap'), detail: t('positionGone'), facts: [body.after] };
    case 'resumed':
      return { kind: 'resumed', title: t('resumed', { time: duration(body.ms) }), detail: t('resumedDetail'), facts: [] };
  }
}
