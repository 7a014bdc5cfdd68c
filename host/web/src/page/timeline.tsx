// Lines over time, by level: as the server counts them, or for what is loaded if it cannot. A click goes to a time, a drag to a stretch of it.

import { useEffect, useRef } from 'preact/hooks';
import { useSignal } from '@preact/signals';
import { clock, number, span, t } from '../i18n/text';
import { SPANS, type Bucket, type Range } from '../model/counts';
import { buckets } from '../model/histogram';
import { Icon } from './icons';
import type { Panels } from './panes';
import type { Live } from './live';

/** Space for the times below the bars. */
const AXIS = 14;
/** A movement of fewer pixels is a click. */
const DRAG = 5;

interface Drawn extends Range {
  width: number;
  bucket(start: number): Bucket | undefined;
  most: number;
  /** Counted from here on; nothing is known of what is before. */
  known: number;
}

/** What is to be drawn: the counts of the server, or those of what is loaded. */
function drawn(live: Live): Drawn | null {
  const counts = live.times.counts;
  if (live.canScan) {
    const { from, to } = counts.range;
    let most = 0;
    for (const [start, b] of counts.buckets) if (start + counts.width > from && start < to) most = Math.max(most, b.quiet + b.warn + b.error);
    const known = counts.backState === 'all' ? -Infinity : counts.back || to;
    return { from, to, width: counts.width, bucket: (start) => counts.buckets.get(start), most, known };
  }
  const b = buckets(live.window, 160);
  if (b.count === 0) return null;
  const map = new Map<number, Bucket>();
  for (let i = 0; i < b.count; i++) map.set(b.from + i * b.width, { quiet: b.levels[0][i], warn: b.levels[1][i], error: b.levels[2][i] });
  return { from: b.from, to: b.from + b.count * b.width, width: b.width, bucket: (start) => map.get(start), most: b.most, known: -Infinity };
}

export function Timeline({ live, panels }: { live: Live; panels: Panels }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const tip = useSignal<{ x: number; text: string } | null>(null);
  const brush = useSignal<{ a: number; b: number } | null>(null);
  useEffect(() => {
    let timer = 0;
    const draw = () => {
      timer = 0;
      const c = canvas.current;
      if (!c || c.clientWidth === 0) return;
      const d = drawn(live);
      if (d) paint(c, d, inSight(live), brush.peek());
    };
    const later = (wait: number) => {
      if (timer === 0) timer = window.setTimeout(draw, wait);
    };
    const dispose = [live.version.subscribe(() => later(250)), live.times.changed.subscribe(() => later(60)), brush.subscribe(() => later(0))];
    const observer = new ResizeObserver(() => later(30));
    observer.observe(canvas.current!);
    const scheme = window.matchMedia('(prefers-color-scheme: dark)');
    const recolour = () => later(0);
    scheme.addEventListener('change', recolour);
    return () => {
      clearTimeout(timer);
      dispose.forEach((d) => d());
      observer.disconnect();
      scheme.removeEventListener('change', recolour);
    };
  }, [live]);

  const timeAt = (x: number): number | null => {
    const d = drawn(live);
    const box = canvas.current!.getBoundingClientRect();
    return d ? d.from + Math.max(0, Math.min(1, (x - box.left) / box.width)) * (d.to - d.from) : null;
  };
  const hover = (x: number) => {
    const d = drawn(live);
    const time = timeAt(x);
    if (!d || time === null) return;
    const start = Math.floor(time / d.width) * d.width;
    const b = d.bucket(start) ?? { quiet: 0, warn: 0, error: 0 };
    const unknown = start + d.width <= d.known;
    const parts = [t('timelineHint', { n: number(b.quiet + b.warn + b.error), time: clock(start, d.width) }), b.error ? t('nErrors', { n: number(b.error) }) : '', b.warn ? t('nWarnings', { n: number(b.warn) }) : ''];
    tip.value = { x: x - canvas.current!.getBoundingClientRect().left, text: unknown ? t('notCounted') : parts.filter(Boolean).join(' · ') };
  };
  const down = (e: PointerEvent) => {
    if (e.button !== 0) return;
    canvas.current!.setPointerCapture(e.pointerId);
    brush.value = { a: e.clientX, b: e.clientX };
  };
  const move = (e: PointerEvent) => {
    if (brush.value) brush.value = { a: brush.value.a, b: e.clientX };
    hover(e.clientX);
  };
  const up = () => {
    const drag = brush.value;
    brush.value = null;
    if (!drag) return;
    const from = timeAt(Math.min(drag.a, drag.b));
    const to = timeAt(Math.max(drag.a, drag.b));
    if (from === null || to === null) return;
    if (Math.abs(drag.b - drag.a) < DRAG) go(live, from);
    else if (live.canScan) live.times.brush({ from, to: Math.max(to, from + 10) });
    else go(live, from);
  };
  void live.times.changed.value;
  const counts = live.times.counts;
  return (
    <div class="timebar">
      {live.canScan && (
        <select class="span" aria-label={t('timelineSpan')} title={t('timelineSpan')} value={counts.fixed ? 'fixed' : String(counts.span)}
          onChange={(e) => { if (e.currentTarget.value !== 'fixed') live.times.show(Number(e.currentTarget.value)); }}>
          {counts.fixed && <option value="fixed">{t('timelineRange', { from: clock(counts.fixed.from, counts.width), to: clock(counts.fixed.to, counts.width) })}</option>}
          {SPANS.map((s) => <option key={s} value={String(s)}>{t('lastSpan', { time: span(s) })}</option>)}
        </select>
      )}
      {live.canScan && counts.fixed && (
        <button type="button" class="tool" title={t('timelineReset')} aria-label={t('timelineReset')} onClick={() => live.times.show(counts.span)}><Icon name="close" /></button>
      )}
      <div class="timeplace">
        <canvas ref={canvas} class="timeline" role="img" aria-label={t('timelineLabel')} onPointerDown={down} onPointerMove={move} onPointerUp={up} onPointerCancel={() => (brush.value = null)} onPointerLeave={() => (tip.value = null)} />
        {tip.value && <output class="timetip" ref={(node) => { if (node && tip.value) node.style.left = `${Math.max(0, Math.min(tip.value.x, canvas.current!.clientWidth - node.offsetWidth))}px`; }}>{tip.value.text}</output>}
      </div>
      {live.canScan && counts.backState === 'stopped' && <button type="button" class="tool text" title={t('countFurtherHint')} onClick={() => live.times.further()}>{t('countFurther')}</button>}
      {live.canScan && <button type="button" class="tool" title={`${t('jumpTime')} (T)`} aria-label={t('jumpTime')} onClick={() => (panels.when.value = true)}><Icon name="clock" /></button>}
    </div>
  );
}

// By the server's positions, or to the nearest line that is loaded.
function go(live: Live, time: number): void {
  if (live.canScan) {
    live.times.go(time);
    return;
  }
  const b = buckets(live.window, 160);
  const i = Math.max(0, Math.min(b.count - 1, Math.floor((time - b.from) / b.width)));
  const id = b.first[i];
  const row = id === null || id === undefined ? null : live.window.row(id);
  if (!row) return;
  live.pause();
  live.surface.scrollToRow(row, 0.2);
}

/** The times of the first and the last row in sight. */
function inSight(live: Live): Range | null {
  const time = (from: number, step: number) => {
    for (let i = 0; i < 20; i++) {
      const row = live.window.row(from + i * step);
      if (!row || row.block.kind !== 'lines') continue;
      const found = live.window.time(row.block, row.index);
      if (found !== null) return found;
    }
    return null;
  };
  const top = live.surface.topRow();
  const bottom = live.surface.bottomRow();
  if (!top || !bottom) return null;
  const from = time(top.id, 1);
  const to = time(bottom.id, -1);
  return from === null || to === null ? null : { from, to };
}

function paint(canvas: HTMLCanvasElement, d: Drawn, sight: Range | null, brush: { a: number; b: number } | null): void {
  const scale = window.devicePixelRatio || 1;
  const width = canvas.clientWidth;
  const height = canvas.clientHeight - AXIS;
  canvas.width = width * scale;
  canvas.height = canvas.clientHeight * scale;
  const c = canvas.getContext('2d')!;
  c.scale(scale, scale);
  const style = getComputedStyle(canvas);
  const colour = (name: string) => style.getPropertyValue(name);
  const x = (time: number) => ((time - d.from) / (d.to - d.from)) * width;
  if (d.known > d.from) { // Not counted yet.
    c.fillStyle = colour('--raised');
    c.fillRect(0, 0, Math.min(width, x(d.known)), height);
  }
  if (sight) {
    c.fillStyle = colour('--view');
    const from = Math.max(0, x(sight.from));
    c.fillRect(from, 0, Math.max(2, Math.min(width, x(sight.to)) - from), height);
  }
  c.fillStyle = colour('--line');
  c.fillRect(0, height - 0.5, width, 1);
  const bar = (d.width / (d.to - d.from)) * width;
  for (let start = Math.floor(d.from / d.width) * d.width; start < d.to; start += d.width) {
    const b = d.bucket(start);
    if (!b || d.most === 0) continue;
    let y = height;
    // Errors at the bottom, where they can be compared; a single one among thousands stays visible.
    for (const [n, name, least] of [[b.error, '--error', 2], [b.warn, '--warn', 2], [b.quiet, '--bar', 1]] as const) {
      if (n === 0) continue;
      const h = Math.max(least, (n / d.most) * (height - 3));
      y -= h;
      c.fillStyle = colour(name);
      c.fillRect(x(start), Math.max(0, y), Math.max(1, bar - (bar > 3 ? 1 : 0)), h);
    }
  }
  axis(c, d, width, height, colour('--faint'), style.fontFamily);
  if (brush && Math.abs(brush.b - brush.a) >= DRAG) {
    const left = canvas.getBoundingClientRect().left;
    c.fillStyle = colour('--select');
    c.globalAlpha = 0.55;
    c.fillRect(Math.min(brush.a, brush.b) - left, 0, Math.abs(brush.b - brush.a), height);
  }
}

// Steps between the times that are written below, in ms.
const STEPS = [100, 500, 1000, 5000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000, 1_800_000, 3_600_000, 10_800_000, 21_600_000, 43_200_000, 86_400_000, 604_800_000];

function axis(c: CanvasRenderingContext2D, d: Range, width: number, height: number, colour: string, font: string): void {
  const length = d.to - d.from;
  const step = STEPS.find((s) => (s / length) * width >= 90) ?? length;
  c.fillStyle = colour;
  c.font = `10px ${font}`;
  c.textBaseline = 'top';
  // Whole steps of the local day, not of UTC.
  const zone = new Date(d.to).getTimezoneOffset() * 60_000;
  for (let at = Math.ceil((d.from - zone) / step) * step + zone; at < d.to; at += step) {
    const x = ((at - d.from) / length) * width;
    c.fillRect(x, height, 1, 3);
    const label = clock(at, step);
    const w = c.measureText(label).width;
    if (x + 3 + w < width) c.fillText(label, x + 3, height + 3);
  }
}
