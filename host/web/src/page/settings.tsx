// Buttons for what is chosen per browser.

import { t } from '../i18n/text';
import { star, starred } from './favourites';
import { Icon } from './icons';
import { EDGES, bare, edge, fold, language, theme, wrap, type Theme } from './prefs';

const themes: Theme[] = ['system', 'light', 'dark'];

export function nextTheme(): void {
  theme.value = themes[(themes.indexOf(theme.value) + 1) % themes.length];
}

/** The next of what may stand at the edge of a line. */
export function nextEdge(): void {
  edge.value = EDGES[(EDGES.indexOf(edge.value) + 1) % EDGES.length];
}

export function ThemeButton() {
  const label = `${t('theme')}: ${t(`theme_${theme.value}`)}`;
  return <button type="button" class="tool theme-tool" title={label} aria-label={label} onClick={nextTheme}><Icon name={theme.value} /></button>;
}

export function LanguageButton() {
  const other = language.value === 'zh' ? 'en' : 'zh';
  return (
    <button type="button" class="tool text" lang={other === 'zh' ? 'zh-CN' : 'en'} title={t('language')} onClick={() => (language.value = other)}>
      {other === 'zh' ? '中文' : 'English'}
    </button>
  );
}

export function WrapButton() {
  return (
    <button type="button" class={wrap.value ? 'tool on' : 'tool'} aria-pressed={wrap.value} title={`${t('wrap')} (z)`} aria-label={t('wrap')} onClick={() => (wrap.value = !wrap.value)}>
      <Icon name="wrap" />
    </button>
  );
}

export function FoldButton() {
  return (
    <button type="button" class={fold.value ? 'tool on fold-tool' : 'tool fold-tool'} aria-pressed={fold.value} title={`${t('fold')} (r)`} aria-label={t('fold')} onClick={() => (fold.value = !fold.value)}>
      <Icon name="fold" />
    </button>
  );
}

/** A star on a log, or none. */
export function StarButton({ log, hint = '' }: { log: string; hint?: string }) {
  const on = starred.value.includes(log);
  return (
    <button type="button" class={on ? 'tool star on' : 'tool star'} aria-pressed={on} title={t('star') + hint} aria-label={t('starOf', { log })} onClick={() => star(log)}>
      <Icon name={on ? 'starred' : 'star'} />
    </button>
  );
}

/** Only the lines and their health on the whole screen, and back. Where the browser has no full screen, on the whole page. */
export function fullScreen(): void {
  bare.value = !bare.value;
  if (bare.value) document.documentElement.requestFullscreen?.().catch(() => undefined);
  else if (document.fullscreenElement) void document.exitFullscreen();
}

// Escape and the browser's own button end it as well.
document.addEventListener('fullscreenchange', () => (bare.value = document.fullscreenElement !== null));

export function FullScreenButton() {
  const label = t('fullScreen');
  return <button type="button" class="tool full" title={`${label} (F)`} aria-label={label} onClick={fullScreen}><Icon name="full" /></button>;
}

export function FullScreenExit() {
  const label = t('fullScreenEnd');
  return <button type="button" class="tool full-exit" title={`${label} (F)`} aria-label={label} onClick={fullScreen}><Icon name="unfull" /></button>;
}
