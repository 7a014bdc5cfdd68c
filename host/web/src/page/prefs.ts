// What a person has chosen for this browser. A browser that refuses storage keeps the choice for as long as the page is open.

import { effect, signal } from '@preact/signals';

export type Theme = 'system' | 'light' | 'dark';
export type Language = 'en' | 'zh';
export const EDGES = ['none', 'number', 'time', 'delta'] as const;
/** What stands at the edge of a line. */
export type Edge = (typeof EDGES)[number];

interface Prefs {
  theme: Theme;
  language: Language;
  wrap: boolean;
  size: number;
  dense: boolean;
  timeline: boolean;
  fold: boolean;
  summary: boolean;
  stacked: boolean;
  edge: Edge;
}

const KEY = 'livetail';

function load(): Prefs {
  const small = window.matchMedia('(max-width: 640px)').matches;
  const usual: Prefs = {
    theme: 'system', language: navigator.language.toLowerCase().startsWith('zh') ? 'zh' : 'en', wrap: small, size: small ? 12 : 13, dense: false, timeline: true, fold: false, summary: false, stacked: false, edge: 'none',
  };
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? '{}') as Partial<Prefs>;
    return {
      theme: kept.theme === 'light' || kept.theme === 'dark' ? kept.theme : usual.theme,
      language: kept.language === 'en' || kept.language === 'zh' ? kept.language : usual.language,
      wrap: kept.wrap ?? usual.wrap,
      size: typeof kept.size === 'number' && kept.size >= 9 && kept.size <= 24 ? kept.size : usual.size,
      dense: kept.dense === true, timeline: kept.timeline !== false, fold: kept.fold === true, summary: kept.summary === true, stacked: kept.stacked === true, edge: EDGES.find((e) => e === kept.edge) ?? 'none',
    };
  } catch {
    return usual;
  }
}

const first = load();
export const theme = signal(first.theme);
export const language = signal(first.language);
export const wrap = signal(first.wrap);
export const size = signal(first.size);
export const dense = signal(first.dense);
export const timeline = signal(first.timeline);
/** Repeats and stack traces are folded into the line before. */
export const fold = signal(first.fold);
/** Structured lines are shown as their summaries. */
export const summary = signal(first.summary);

export const edge = signal(first.edge);
/** Logs side by side stand one above the other. */
export const stacked = signal(first.stacked);
/** Only the lines and the state of the connection are shown. Not kept. */
export const bare = signal(false);

let kept = false;
effect(() => {
  const prefs: Prefs = { theme: theme.value, language: language.value, wrap: wrap.value, size: size.value, dense: dense.value, timeline: timeline.value, fold: fold.value, summary: summary.value, stacked: stacked.value, edge: edge.value };
  const root = document.documentElement;
  root.lang = prefs.language === 'zh' ? 'zh-CN' : 'en';
  if (prefs.theme === 'system') delete root.dataset.theme;
  else root.dataset.theme = prefs.theme;
  const unit = Math.round(prefs.size * (prefs.dense ? 1.3 : 1.6));
  root.style.setProperty('--log-size', `${prefs.size}px`);
  root.style.setProperty('--unit', `${unit}px`);
  // The first run only applies; nothing has been chosen yet.
  if (kept) {
    try {
      localStorage.setItem(KEY, JSON.stringify(prefs));
    } catch {
      // private browsing: fine
    }
  }
  kept = true;
});

/** Height of one text row in pixels. */
export function unit(): number {
  return Math.round(size.value * (dense.value ? 1.3 : 1.6));
}
