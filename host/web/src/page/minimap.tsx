// The right edge: where in what is loaded the errors, warnings, gaps and hits lie. A click goes there.

import { useEffect, useRef } from 'preact/hooks';
import { t } from '../i18n/text';
import { hits } from './find';
import type { Live } from './live';

export function Minimap({ live }: { live: Live }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    let timer = 0;
    const draw = () => {
      timer = 0;
      if (canvas.current) paint(canvas.current, live);
    };
    const later = () => {
      if (timer === 0) timer = window.setTimeout(draw, 250);
    };
    const dispose = [live.version.subscribe(later), live.view.subscribe(later)];
    return () => {
      clearTimeout(timer);
      dispose.forEach((d) => d());
    };
  }, [live]);
  const jump = (event: MouseEvent) => {
    const box = canvas.current!.getBoundingClientRect();
    const row = live.window.rowAtHeight(((event.clientY - box.top) / box.height) * live.window.height);
    if (!row) return;
    live.pause();
    live.surface.scrollToRow(row, 0.5);
  };
  return <canvas ref={canvas} class="minimap" title={t('minimap')} aria-hidden="true" onClick={jump} />;
}

function paint(canvas: HTMLCanvasElement, live: Live): void {
  const scale = window.devicePixelRatio || 1;
  const width = canvas.clientWidth;
  const height = canvas.clientHeight;
  if (width === 0 || height === 0) return;
  canvas.width = width * scale;
  canvas.height = height * scale;
  const c = canvas.getContext('2d')!;
  c.scale(scale, scale);
  const style = getComputedStyle(canvas);
  const w = live.window;
  if (w.height === 0) return;
  // One slot per pixel keeps the worst that falls into it.
  const slots = new Uint8Array(height);
  const put = (top: number, value: number) => {
    const y = Math.min(height - 1, Math.floor((top / w.height) * height));
    if (value > slots[y]) slots[y] = value;
  };
  for (const b of w.blocks) {
    if (b.kind === 'mark') {
      if (b.mark.body.t === 'gap' || b.mark.body.t === 'position_gone') put(b.top, 4);
      continue;
    }
    let top = b.top;
    for (let i = 0; i < b.n; i++) {
      const units = b.units === null ? 1 : b.units[i];
      const level = b.levels[i];
      if (units > 0 && level >= 4) put(top, level === 4 ? 1 : 2);
      top += units;
    }
  }
  if (live.painter.search) for (const id of hits(live).ids) put(w.row(id)!.top, 3);
  const marks: number[] = [];
  if (live.bookmarks.count.peek() > 0) for (let row = w.row(w.firstId); row; row = w.after(row)) if (row.units > 0 && live.bookmarks.has(row)) marks.push((row.top / w.height) * height);
  const colours = ['', style.getPropertyValue('--warn'), style.getPropertyValue('--error'), style.getPropertyValue('--hit'), style.getPropertyValue('--gap')];
  for (let y = 0; y < height; y++) {
    if (slots[y] === 0) continue;
    c.fillStyle = colours[slots[y]];
    c.fillRect(slots[y] === 1 ? width / 2 : 2, y, slots[y] === 1 ? width / 2 - 2 : width - 4, slots[y] >= 3 ? 3 : 2);
  }
  // A ribbon that points in from the edge.
  c.fillStyle = style.getPropertyValue('--info');
  for (const y of marks) {
    const top = Math.max(0, Math.min(height - 8, y - 3));
    c.beginPath();
    [[0, 0], [width, 0], [width - 4, 4], [width, 8], [0, 8]].forEach(([dx, dy]) => c.lineTo(dx, top + dy));
    c.fill();
  }
  const sight = live.surface.sight;
  c.fillStyle = style.getPropertyValue('--view');
  c.fillRect(0, sight.top * height, width, Math.max(6, sight.size * height));
}
