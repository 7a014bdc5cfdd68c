// Keys of the live view. Nothing that a browser or a screen reader needs for itself is taken.

import { copyLink, copyText } from './copy';
import { star } from './favourites';
import { seekHit, seekLevel, timeAt } from './find';
import type { Live } from './live';
import * as prefs from './prefs';
import { active, panes, shown, type Panels } from './panes';
import { fullScreen, nextEdge, nextTheme } from './settings';

export function resize(by: number): void {
  prefs.size.value = Math.max(9, Math.min(24, prefs.size.value + by));
}

/** Selects the line before or after the selected one, or the first in sight. */
export function step(live: Live, by: number): void {
  const current = live.selected.value;
  live.pause();
  let row = current === null ? live.surface.topRow() : live.window.row(current + by);
  while (row && row.units === 0) row = live.window.row(row.id + by);
  if (!row) return;
  live.select(row.id);
  const element = live.surface.element;
  const y = live.surface.head + row.top * live.surface.unit - element.scrollTop;
  if (y < live.surface.unit) live.surface.scrollToRow(row, 0.1);
  else if (y + 2 * live.surface.unit > element.clientHeight) live.surface.scrollToRow(row, 0.9);
}

/** Makes another pane the one that keys go to. */
function bringForward(at: number): boolean {
  const pane = panes.peek()[at];
  if (!pane || panes.peek().length === 1) return false;
  active.value = pane.id;
  return true;
}

/** Shows in the other panes what was written when the selected line was, or the first line in sight. */
export function sameTime(live: Live): void {
  const time = timeAt(live);
  if (time === null) return;
  for (const other of shown.values()) if (other !== live) other.times.go(time, true);
}

export function bindKeys(live: Live, panels: Panels): () => void {
  const act = (event: KeyboardEvent): boolean => {
    if (active.peek() !== live.pane.id) return false;
    if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === 'k') {
      panels.palette.value = !panels.palette.value;
      return true;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || panels.help.value || panels.palette.value || panels.when.value || panels.why.value) return false;
    const target = event.target as HTMLElement;
    if (target.closest('input, textarea, select, [contenteditable]')) return false;
    const onButton = target.closest('button, a') !== null;
    const element = live.surface.element;
    switch (event.key) {
      case ' ':
        if (onButton) return false;
        live.toggle();
        return true;
      case 'Enter':
        if (onButton || live.selected.value === null) return false;
        live.drawer.value = true;
        return true;
      case 'End':
      case 'G':
        live.follow();
        return true;
      case 'Home':
      case 'g':
        live.pause();
        element.scrollTop = 0;
        return true;
      case 'PageUp':
        live.pause();
        live.surface.scrollBy(-element.clientHeight * 0.9);
        return true;
      case 'PageDown':
        live.surface.scrollBy(element.clientHeight * 0.9);
        return true;
      case 'ArrowUp':
      case 'k':
        step(live, -1);
        return true;
      case 'ArrowDown':
      case 'j':
        step(live, 1);
        return true;
      case '/':
        panels.find.value = true;
        return true;
      case 'f':
        panels.filter.value = true;
        return true;
      case 's':
        if (!live.canScan) return false;
        live.search.open.value = true;
        if (live.view.value.search && live.search.typed.value !== live.view.value.search) live.search.start(live.view.value.search);
        return true;
      case 'T':
        if (!live.canScan) return false;
        panels.when.value = true;
        return true;
      case 'n':
        seekHit(live, true);
        return true;
      case 'N':
        seekHit(live, false);
        return true;
      case 'e':
        seekLevel(live, true, true);
        return true;
      case 'E':
        seekLevel(live, false, true);
        return true;
      case 'w':
        seekLevel(live, true, false);
        return true;
      case 'W':
        seekLevel(live, false, false);
        return true;
      case 'z':
        prefs.wrap.value = !prefs.wrap.value;
        return true;
      case 'r':
        prefs.fold.value = !prefs.fold.value;
        return true;
      case 'x':
        prefs.summary.value = !prefs.summary.value;
        return true;
      case 't':
        nextTheme();
        return true;
      case 'b':
        live.bookmarks.toggle();
        return true;
      case 'm':
        live.bookmarks.seek(true);
        return true;
      case 'M':
        live.bookmarks.seek(false);
        return true;
      case 'B':
        live.bookmarks.open.value = !live.bookmarks.open.value;
        return true;
      case 'i':
        nextEdge();
        return true;
      case 'C':
        void copyText(live, 'ansi');
        return true;
      case 'F':
        fullScreen();
        return true;
      case '*':
        star(live.log);
        return true;
      case 'v':
        panels.adding.value = panels.palette.value = true;
        return true;
      case 'y':
        sameTime(live);
        return true;
      case '1':
      case '2':
      case '3':
      case '4':
        return bringForward(Number(event.key) - 1);
      case 'c':
        void copyText(live, 'text');
        return true;
      case 'l':
        void copyLink(live);
        return true;
      case '+':
      case '=':
        resize(1);
        return true;
      case '-':
        resize(-1);
        return true;
      case '?':
        panels.help.value = true;
        return true;
      case 'Escape':
        if (live.drawer.value) live.drawer.value = false;
        else if (live.search.open.value) live.search.close();
        else if (live.bookmarks.open.value) live.bookmarks.open.value = false;
        else if (live.selected.value !== null) live.select(null);
        else if (live.view.value.search) live.setView({ search: '' });
        else if (prefs.bare.value) fullScreen();
        return true;
      default:
        return false;
    }
  };
  const listen = (event: KeyboardEvent) => {
    if (act(event)) event.preventDefault();
  };
  document.addEventListener('keydown', listen);
  return () => document.removeEventListener('keydown', listen);
}
