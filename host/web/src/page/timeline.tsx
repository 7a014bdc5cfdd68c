// Lines over time, by level, for what is loaded: by the time that lines say of themselves, or when they came.

import { useEffect, useRef } from 'preact/hooks';
import { useSignal } from '@preact/signals';
import { number, t } from '../i18n/text';
import { buckets, type Buckets } from '../model/histogram';
import type { Live } from './live';

export function Timeline({ live }: { live: Live }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const shown = useRef<Buckets | null>(null);
  const hint = useSignal('');
  useEffect(() => {
    let timer = 0;
    let last = '';
    const draw = () => {
      timer = 0;
      const c = canvas.current;
      if (!c || c.clientWidth === 0) return;
      const state = `${live.window.firstId}:${live.window.rows}:${c.clientWidth}:${document.documentElement.dataset.theme ?? ''}`;
      if (state === last) return;
      last = state;
      shown.current = buckets(live.window, Math.max(20, Math.floor(c.clientWidth / 5)));
      paint(c, shown.current);
    };
    const later = () => {
      if (timer === 0) timer = window.setTimeout(draw, 500);
    };
    const dispose = live.version.subscribe(later);
    const observer = new ResizeObserver(later);
    observer.observe(canvas.current!);
    return () => {
      clearTimeout(timer);
      dispose();
      observer.disconnect();
    };
  }, [live]);
  const at = (event: MouseEvent) => {
    const b = shown.current;
    const box = canvas.current!.getBoundingClientRect();
    if (!b || b.count === 0) return -1;
    return Math.max(0, Math.min(b.count - 1, Math.floor(((event.clientX - box.left) / box.width) * b.count)));
  };
  const move = (event: MouseEvent) => {
    const i = at(event);
    const b = shown.current;
    if (i < 0 || !b) return;
    const sum = b.levels.reduce((n, l) => n + l[i], 0);
    hint.value = t('timelineHint', { n: number(sum), time: new Date(b.from + i * b.width).toLocaleTimeString() });
  };
  const jump = (event: MouseEvent) => {
    const i = at(event);
    const id = i < 0 ? undefined : shown.current!.first[i];
    const row = id === undefined || id === null ? null : live.window.row(id);
    if (!row) return;
    live.pause();
    live.surface.scrollToRow(row, 0.2);
  };
  return (
    <canvas ref={canvas} class="timeline" title={hint.value || t('timelineLabel')} aria-hidden="true" onMouseMove={move} onClick={jump} />
  );
}

function paint(canvas: HTMLCanvasElement, b: Buckets): void {
  const scale = window.devicePixelRatio || 1;
  const width = canvas.clientWidth;
  const height = canvas.clientHeight;
  canvas.width = width * scale;
  canvas.height = height * scale;
  const c = canvas.getContext('2d')!;
  c.scale(scale, scale);
  if (b.count === 0 || b.most === 0) return;
  const style = getComputedStyle(canvas);
  const colours = ['--quiet', '--warn', '--error'].map((name) => style.getPropertyValue(name));
  const bar = width / b.count;
  for (let i = 0; i < b.count; i++) {
    let y = height;
    // Errors at the bottom, where they can be compared; a single one among thousands stays visible.
    for (const kind of [2, 1, 0]) {
      const n = b.levels[kind][i];
      if (n === 0) continue;
      const h = Math.max(kind > 0 ? 2 : 1, (n / b.most) * (height - 2));
      y -= h;
      c.fillStyle = colours[kind];
      c.fillRect(i * bar, Math.max(0, y), Math.max(1, bar - 1), h);
    }
  }
}
