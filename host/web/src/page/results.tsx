// What a search through history has found, and how it is getting on. A click shows a hit in its context.

import { useEffect, useRef } from 'preact/hooks';
import { bytes, clock, number, t } from '../i18n/text';
import { LEVELS } from '../text/level';
import { plain } from '../text/plain';
import { searchPattern } from '../text/spans';
import { Icon } from './icons';
import type { Live } from './live';
import { MOST_LISTED } from './search';
import type { Match } from '../stream/protocol';

export function Results({ live }: { live: Live }) {
  return live.search.open.value ? <Body live={live} /> : null;
}

function Body({ live }: { live: Live }) {
  const s = live.search;
  const input = useRef<HTMLInputElement>(null);
  const list = useRef<HTMLOListElement>(null);
  useEffect(() => {
    if (s.typed.value === '') input.current?.focus();
  }, []);
  const hits = s.hits.value;
  const state = s.state.value;
  const close = () => {
    s.close();
    live.surface.element.focus();
  };
  const choose = (i: number) => {
    const hit = hits[i];
    if (!hit) return;
    s.chosen.value = i;
    live.places.showMatch(hit);
  };
  const onKey = (e: KeyboardEvent) => {
    if (e.key === 'Escape') close();
    else if (e.key === 'ArrowDown' || e.key === 'ArrowUp') {
      const next = Math.max(0, Math.min(hits.length - 1, s.chosen.value + (e.key === 'ArrowDown' ? 1 : -1)));
      list.current?.querySelectorAll('button')[next]?.focus();
      choose(next);
    } else return;
    e.preventDefault();
    e.stopPropagation();
  };
  const share = s.left.value + s.scanned.value > 0 ? s.scanned.value / (s.left.value + s.scanned.value) : 0;
  const reached = s.reached.value;
  return (
    <aside class="drawer results" aria-label={t('searchHistory')} onKeyDown={onKey}>
      <header>
        <form class="results-form" role="search" onSubmit={(e) => { e.preventDefault(); const word = input.current!.value; live.setView({ search: word }); s.start(word); }}>
          <Icon name="find" />
          <input ref={input} type="text" aria-label={t('searchHistory')} placeholder={t('searchHistory')} defaultValue={s.typed.value} key={s.typed.value} spellcheck={false} autocomplete="off" />
        </form>
        <button type="button" class="tool" aria-label={t('close')} title={t('close')} onClick={close}><Icon name="close" /></button>
      </header>
      {state !== 'idle' && (
        <div class="results-state">
          <progress max={1} value={state === 'done' ? 1 : share} aria-label={t('searchProgress')} />
          <p role="status">
            {hits.length === 0 ? t(state === 'running' ? 'searching' : 'noHits') : t(hits.length === 1 ? 'hit1' : 'hitsFound', { n: number(hits.length) })}
            {reached !== null && state !== 'done' && <span> · {t('searchedTo', { time: `${new Date(reached).toLocaleDateString()} ${clock(reached, 1000)}` })}</span>}
            {state === 'done' && <span> · {t('searchedAll', { size: bytes(s.scanned.value) })}</span>}
          </p>
          {state === 'running' && <button type="button" onClick={() => s.stop()}>{t('stop')}</button>}
          {state === 'paused' && hits.length < MOST_LISTED && <button type="button" onClick={() => s.more()}>{t('lookFurther')}</button>}
        </div>
      )}
      {s.problem.value && <p class="notice bad" role="alert">{s.problem.value}</p>}
      {s.skipped.value > 0 && <p class="notice">{t('searchSkipped', { n: number(s.skipped.value) })}</p>}
      {hits.length >= MOST_LISTED && <p class="notice">{t('searchTooMany', { n: number(MOST_LISTED) })}</p>}
      <ol class="hitlist" ref={list}>
        {hits.map((hit, i) => <Hit key={`${hit.part ?? ''} ${hit.at}`} hit={hit} i={i} chosen={i === s.chosen.value} word={s.typed.value} choose={choose} />)}
      </ol>
    </aside>
  );
}

/** Characters of a hit that are listed. */
const SHOWN = 200;

function Hit({ hit, i, chosen, word, choose }: { hit: Match; i: number; chosen: boolean; word: string; choose: (i: number) => void }) {
  const whole = plain(hit.text);
  const found = searchPattern(word)?.exec(whole);
  // The word stands in sight, however far into the line it is.
  const from = found && found.index + found[0].length > SHOWN ? Math.max(0, found.index - 40) : 0;
  const text = whole.slice(from, from + SHOWN);
  const at = found ? found.index - from : -1;
  const level = Math.max(0, LEVELS.indexOf((hit.level || 'none') as (typeof LEVELS)[number]));
  return (
    <li class={hit.part === undefined ? '' : `part${hit.part}`}>
      <button type="button" class={`hit-row l${level}${chosen ? ' chosen' : ''}`} aria-current={chosen} onClick={() => choose(i)}>
        <i class="g" aria-hidden="true" />
        <span>{from > 0 ? '…' : ''}{at < 0 ? text : <>{text.slice(0, at)}<mark>{text.slice(at, at + found![0].length)}</mark>{text.slice(at + found![0].length)}</>}</span>
      </button>
    </li>
  );
}
