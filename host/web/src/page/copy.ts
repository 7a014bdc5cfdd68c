// Copying lines: what is seen, without colours or with them, and never as markup.

import { signal } from '@preact/signals';
import { ansi, markdown, plain } from '../text/plain';
import { timeAt } from './find';
import type { Live } from './live';
import { formatView, urlOf } from './url';
import * as prefs from './prefs';

/** ansi keeps colours, and no other escape sequence: what is pasted into a terminal must not command it. */
type As = 'text' | 'ansi' | 'markdown';

/** When something was last copied; the page shows it for a moment. */
export const copiedAt = signal(0);

async function put(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Without a secure context there is no clipboard interface; a selected field and the old command do.
    const field = document.createElement('textarea');
    field.value = text;
    field.className = 'offscreen';
    document.body.append(field);
    field.select();
    document.execCommand('copy');
    field.remove();
  }
  copiedAt.value = Date.now();
}

/** The rows that the person means: those of the selection, else the selected line. */
export function meant(live: Live, as: As): string[] {
  const selection = document.getSelection();
  let low = live.selected.value;
  let high = low;
  if (selection && !selection.isCollapsed) {
    const a = live.surface.idOf(selection.anchorNode);
    const b = live.surface.idOf(selection.focusNode);
    if (a !== null && b !== null) {
      low = Math.min(a, b);
      high = Math.max(a, b);
    }
  }
  if (low === null || high === null) return [];
  // What is folded into the last line belongs to it.
  const end = prefs.fold.peek() ? live.window.row(high) : null;
  if (end) high = live.painter.folded(end).ids.at(-1) ?? high;
  const lines: string[] = [];
  for (const row of live.rowsBetween(low, high)) if (row.block.kind === 'lines' && !row.block.piece && (row.units > 0 || prefs.fold.peek())) lines.push(as === 'ansi' ? ansi(live.window.text(row), row.block.states?.get(row.index) ?? null) : plain(live.window.text(row)));
  return lines;
}

export async function copyText(live: Live, as: As): Promise<void> {
  const lines = meant(live, as);
  if (lines.length === 0) return;
  await put(as === 'markdown' ? markdown(lines, `**${live.log}**`) : lines.join('\n'));
}

/** The address that opens a log at a line, as it is looked at now. */
function linkTo(live: Live, position: string): string {
  const url = urlOf(live.log, document.baseURI);
  url.search = formatView(live.pane.query, { ...live.view.peek(), at: position });
  return url.href;
}

export async function copyLink(live: Live): Promise<void> {
  const id = live.selected.value;
  const row = id === null ? null : live.window.row(id);
  const plainly = row ? live.window.position(row) : '';
  if (!plainly || row?.block.kind !== 'lines') return;
  const { part } = row.block;
  const found = await live.addresses.resolve(plainly, part);
  const position = live.merged ? `${part}~${timeAt(live) ?? ''}~${found}` : found;
  live.setView({ at: position });
  live.repaint();
  await put(linkTo(live, position));
}

export async function copyValue(value: string): Promise<void> {
  await put(value);
}
