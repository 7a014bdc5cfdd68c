// What is selected of a summary is copied as the log has it: whole lines, unless it stands in the line just so.

import { plain } from '../text/plain';
import { meant } from './copy';
import type { Live } from './live';

export function bindCopy(live: Live): () => void {
  const copy = (event: ClipboardEvent) => {
    const selection = document.getSelection();
    if (!live.painter.summary || !selection || selection.isCollapsed) return;
    const [a, b] = [live.surface.idOf(selection.anchorNode), live.surface.idOf(selection.focusNode)];
    if (a === null || b === null) return;
    const row = live.window.row(a);
    const text = selection.toString();
    if (a === b && row && (text.trim() === '' || plain(live.window.text(row)).includes(text.trim()))) return;
    event.clipboardData?.setData('text/plain', meant(live, 'text').join('\n'));
    event.preventDefault();
  };
  document.addEventListener('copy', copy);
  return () => document.removeEventListener('copy', copy);
}
