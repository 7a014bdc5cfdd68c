// What narrows the view: search in what is loaded, filters that the server applies, words to highlight, levels to hide.

import { useSignal } from '@preact/signals';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { number, t, type Key } from '../i18n/text';
import { turn } from './panes';
import { hits, seekHit } from './find';
import { Icon } from './icons';
import type { Panels } from './panes';
import { splitPath } from './list';
import type { Live } from './live';
import { LEVELS } from '../text/level';

type Mode = 'find' | 'include' | 'exclude' | 'mark';

export function FilterBar({ live, panels }: { live: Live; panels: Panels }) {
  const mode = useSignal<Mode>('find');
  const draft = useSignal('');
  const input = useRef<HTMLInputElement>(null);
  const v = live.view.value;

  // At once, not after the next frame: the very next key belongs to the field.
  useLayoutEffect(() => {
    if (!panels.find.value && !panels.filter.value) return;
    mode.value = panels.find.value ? 'find' : 'include';
    panels.find.value = panels.filter.value = false;
    input.current?.focus();
    input.current?.select();
  }, [panels.find.value, panels.filter.value]);

  const value = mode.value === 'find' ? v.search : draft.value;
  const submit = (forwards: boolean) => {
    const text = draft.value.trim();
    if (mode.value === 'find') {
      seekHit(live, forwards);
      return;
    }
    if (text === '') return;
    if (mode.value === 'include') live.filters.set([...v.include, text], v.exclude);
    else if (mode.value === 'exclude') live.filters.set(v.include, [...v.exclude, text]);
    else live.setView({ highlight: [...v.highlight, text] });
    draft.value = '';
  };
  const label = mode.value === 'find' ? t('find') : mode.value === 'include' ? t('filter') : mode.value === 'exclude' ? t('exclude') : t('highlight');

  return (
    <div class="finder" role="search">
      <select aria-label={t('menu')} value={mode.value} onChange={(e) => { mode.value = e.currentTarget.value as Mode; input.current?.focus(); }}>
        <option value="find">{t('modeFind')}</option>
        {live.state.value.capabilities.includes('filter') && <option value="include">{t('modeOnly')}</option>}
        {live.state.value.capabilities.includes('filter') && <option value="exclude">{t('modeHide')}</option>}
        <option value="mark">{t('modeMark')}</option>
      </select>
      <input ref={input} type="text" aria-label={label} placeholder={label} value={value} spellcheck={false} autocomplete="off" autocapitalize="off"
        onInput={(e) => {
          if (mode.value === 'find') live.setView({ search: e.currentTarget.value });
          else draft.value = e.currentTarget.value;
        }}
        onKeyDown={(e) => {
          if (e.key === 'Enter' && (e.ctrlKey || e.metaKey) && mode.value === 'find' && live.canScan) live.search.start(v.search);
          else if (e.key === 'Enter') submit(!e.shiftKey);
          else if (e.key === 'Escape') live.surface.element.focus();
          else return;
          e.preventDefault();
          e.stopPropagation();
        }} />
      {mode.value === 'find' && v.search !== '' && <HitCount live={live} />}
      {mode.value === 'find' && v.search !== '' && live.canScan && (
        <button type="button" class="all-history" title={`${t('searchHistory')} (s)`} onClick={() => live.search.start(v.search)}>{t('allHistory')}</button>
      )}
    </div>
  );
}

function HitCount({ live }: { live: Live }) {
  void live.held.value;
  void live.view.value;
  const found = hits(live);
  const at = live.selected.value === null ? -1 : found.ids.indexOf(live.selected.value);
  const all = number(found.ids.length) + (found.more ? '+' : '');
  return (
    <span class="hits">
      <output>{found.ids.length === 0 ? t('noHits') : at >= 0 ? t('hits', { n: number(at + 1), all }) : all}</output>
      <button type="button" aria-label={t('previous')} title={`${t('previous')} (N)`} onClick={() => seekHit(live, false)}><Icon name="up" /></button>
      <button type="button" aria-label={t('next')} title={`${t('next')} (n)`} onClick={() => seekHit(live, true)}><Icon name="down" /></button>
    </span>
  );
}

export function Chips({ live }: { live: Live }) {
  const v = live.view.value;
  const counts = live.counts.value;
  const toggle = (name: string) => live.setView({ hide: v.hide.includes(name) ? v.hide.filter((h) => h !== name) : [...v.hide, name] });
  return (
    <div class="chips" role="group" aria-label={t('levels')}>
      {live.logs.length > 1 && live.logs.map((log, i) => (
        <span key={log} class={`chip log part${i}${v.muted.includes(i) ? ' muted' : ''}`} title={log}>
          <button type="button" class="name" aria-pressed={!v.muted.includes(i)} title={t('muteLog', { log })} onClick={() => live.hidden.mute(i)}><i class="swatch" aria-hidden="true" />{splitPath(log).name}</button>
          <button type="button" class="solo" title={t('soloLog', { log })} aria-label={`${t('solo')}: ${t('soloLog', { log })}`} onClick={() => live.hidden.solo(i)}>{t('solo')}</button>
          {i > 0 && <button type="button" title={t('unmerge', { log })} aria-label={t('unmerge', { log })} onClick={() => turn(live.pane, live.log, live.logs.slice(1).filter((l) => l !== log))}><Icon name="close" /></button>}
        </span>
      ))}
      {LEVELS.map((name, i) => ({ name, i })).reverse().filter(({ name, i }) => i > 0 && (counts[i] > 0 || v.hide.includes(name))).map(({ name, i }) => {
        const level = t(`lv_${name}` as Key);
        const on = !v.hide.includes(name);
        return (
          <button key={name} type="button" class={`chip level l${i}`} aria-pressed={on} title={t('showLevel', { level })} onClick={() => toggle(name)}>
            <i class="g" aria-hidden="true" />{level}<b>{number(counts[i])}</b>
          </button>
        );
      })}
      {v.include.map((p, i) => <Chip key={`i${p}`} cls="include" word={t('only')} text={p} count={live.chips.found.value.get(p)} since={live.chips.since} remove={() => live.filters.set(v.include.filter((_, k) => k !== i), v.exclude)} />)}
      {v.exclude.map((p, i) => <Chip key={`x${p}`} cls="exclude" word={t('without')} text={p} count={live.chips.found.value.get(p)} since={live.chips.since} remove={() => live.filters.set(v.include, v.exclude.filter((_, k) => k !== i))} />)}
      {v.highlight.map((p, i) => <Chip key={`h${p}`} cls={`mark h${i % 6}`} word="" text={p} remove={() => live.setView({ highlight: v.highlight.filter((_, k) => k !== i) })} />)}
      {live.filters.busy.value && <span class="chip busy" role="status">{t('filtering')}</span>}
      {live.filters.error.value && <span class="chip bad" role="alert">{t('filterBad', { reason: live.filters.error.value })}</span>}
    </div>
  );
}

interface ChipProps {
  cls: string;
  word: string;
  text: string;
  /** Lines that match, and whether there are more. */
  count?: { lines: number; more: boolean } | undefined;
  since?: number | null;
  remove: () => void;
}

function Chip({ cls, word, text, count, since, remove }: ChipProps) {
  const n = count && number(count.lines) + (count.more ? '+' : '');
  const title = n === undefined ? text : `${text}\n${t('countedSince', { n, time: since ? new Date(since).toLocaleString() : t('countedFirst') })}`;
  return (
    <span class={`chip ${cls}`} title={title}>
      {word && <em>{word}</em>}<code>{text}</code>{n !== undefined && <b>{n}</b>}
      <button type="button" aria-label={t('removeFilter', { what: text })} title={t('removeFilter', { what: text })} onClick={remove}><Icon name="close" /></button>
    </span>
  );
}
