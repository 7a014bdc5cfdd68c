// The page's words and numbers, in the reader's language. Only that language is loaded, and the other one when it is chosen.

import { effect, signal } from '@preact/signals';
import { language, type Language } from '../page/prefs';
import type { en } from './en';

export type Key = keyof typeof en;
type Words = Record<Key, string>;

const load: Record<Language, () => Promise<Words>> = {
  en: () => import('./en').then((m) => m.en),
  zh: () => import('./zh').then((m) => m.zh),
};

/** The words of the language, once they are loaded. */
export const words = signal<Words | null>(null);

/** Resolves when there are words. */
export const ready = new Promise<void>((done) => {
  effect(() => {
    const wanted = language.value;
    const take = (loaded: Words) => {
      // Whoever has changed their mind meanwhile gets what was chosen last.
      if (words.peek() === null || language.peek() === wanted) words.value = loaded;
      done();
    };
    // While the server is away, the words that are there have to do.
    load[wanted]().then(take, () => {
      if (words.peek() === null) void load[wanted === 'en' ? 'zh' : 'en']().then(take);
    });
  });
});

export function t(key: Key, values: Record<string, string> = {}): string {
  const text = words.value?.[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole);
}

export function number(n: number): string {
  return n.toLocaleString(language.value === 'zh' ? 'zh-CN' : 'en');
}

export function bytes(n: number): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB'];
  let i = 0;
  while (n >= 1000 && i < units.length - 1) {
    n /= 1024;
    i++;
  }
  return `${i === 0 ? n : n >= 100 ? Math.round(n) : n.toFixed(1)} ${units[i]}`;
}

export function duration(ms: number): string {
  const zh = language.value === 'zh';
  const unit = (n: number, e: string, c: string) => (zh ? `${n} ${c}` : `${n} ${e}`);
  if (ms < 950) return unit(Math.max(0, Math.round(ms)), 'ms', '毫秒');
  const s = ms / 1000;
  if (s < 9.95) return zh ? `${s.toFixed(1)} 秒` : `${s.toFixed(1)} s`;
  if (s < 60) return unit(Math.round(s), 's', '秒');
  if (s < 3600) return unit(Math.floor(s / 60), 'min', '分钟');
  if (s < 86_400) return unit(Math.floor(s / 3600), 'h', '小时');
  return unit(Math.floor(s / 86_400), 'd', '天');
}

/** How long ago, in whole units, calm enough to stand still for a while. */
export function age(ms: number): string {
  if (ms < 2000) return t('now');
  return t('ago', { time: duration(Math.max(1000, Math.round(ms / 1000) * 1000)).replace(/\.0(?= )/, '') });
}

/** A length of time in whole units, for a choice of them. */
export function span(ms: number): string {
  const [n, unit] = ms < 3_600_000 ? [ms / 60_000, 'min'] : ms < 86_400_000 ? [ms / 3_600_000, 'h'] : [ms / 86_400_000, 'd'];
  if (language.value === 'zh') return `${n} ${{ min: '分钟', h: '小时', d: '天' }[unit]}`;
  return `${n} ${{ min: 'min', h: 'h', d: n === 1 ? 'day' : 'days' }[unit]}`;
}

/** A time of day, as exactly as steps of so many ms need; the date if they are days. */
export function clock(ms: number, step: number): string {
  const d = new Date(ms);
  const two = (n: number) => String(n).padStart(2, '0');
  if (step >= 86_400_000) return `${two(d.getMonth() + 1)}-${two(d.getDate())}`;
  const time = `${two(d.getHours())}:${two(d.getMinutes())}`;
  if (step >= 60_000) return step >= 10_800_000 ? `${two(d.getMonth() + 1)}-${two(d.getDate())} ${time}` : time;
  if (step >= 1000) return `${time}:${two(d.getSeconds())}`;
  return `${time}:${two(d.getSeconds())}.${String(d.getMilliseconds()).padStart(3, '0')}`;
}
