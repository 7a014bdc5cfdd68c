// What lies over the log: the pill at its end, a note above its first line, and what there is to say while nothing is to be seen.

import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { number, t, type Key } from '../i18n/text';
import { Icon } from './icons';
import { Empty } from './index';
import type { Panels } from './panes';
import { fetchRoots } from './list';
import type { Live } from './live';
import { follow } from './panes';

export function Pill({ live }: { live: Live }) {
  if (live.following.value) return null;
  const n = live.newer.value;
  return (
    <div class="pill-place">
      {live.jumpFailed.value && <span class="pill-note" role="alert">{t('lineGone')}</span>}
      <button type="button" class={n > 0 ? 'pill fresh' : 'pill'} title={t('resumeHint')} onClick={() => { live.follow(); live.surface.element.focus(); }}>
        <Icon name="follow" />
        {n > 0 ? t('newLines', { n: number(n) }) : live.attached.value ? t('follow') : t('toNewest')}
      </button>
    </div>
  );
}

// What lies above the first row; it sits in the space that the surface leaves there.
export function HeadNote({ live }: { live: Live }) {
  void live.version.value;
  const top = live.surface.scrollTop;
  if (top > live.surface.head || live.window.rows === 0) return null;
  const at = (node: HTMLElement | null) => {
    if (node) node.style.transform = `translateY(${-top}px)`;
  };
  switch (live.head.value) {
    case 'loading':
      return <div class="headnote" ref={at}>{t('loadingOlder')}</div>;
    case 'beginning':
      return <div class="headnote" ref={at}>{t('beginning')}</div>;
    case 'gone':
      return <div class="headnote" ref={at}>{t('olderGone')}</div>;
    case 'stopped':
      return <div class="headnote" ref={at}>{t('searchedFar')} <button type="button" onClick={() => live.readBack()}>{t('lookFurther')}</button></div>;
    default:
      return null;
  }
}

const explained = new Set(['not_allowed', 'not_found', 'not_regular', 'unreadable', 'bad_request', 'unsupported', 'too_many']);

// What to say while there is nothing to see.
export function Overlay({ live, panels }: { live: Live; panels: Panels }) {
  const why = <button type="button" onClick={() => (panels.why.value = true)}>{t('why')}</button>;
  const s = live.state.value;
  void live.version.value;
  if (s.phase === 'refused' || s.phase === 'ended') {
    const code = s.error && explained.has(s.error.code) ? s.error.code : 'other';
    if (s.phase === 'ended' && live.window.rows > 0) return null;
    return (
      <div class="overlay" role="alert">
        <Empty title={t(`err_${code}` as Key)} hint={t(`err_${code}_hint` as Key)}>
          {code === 'not_allowed' && <Roots />}
          {s.error?.message && <p class="reason"><code>{s.error.message}</code></p>}
          <p class="actions">
            {code === 'not_found' && <button type="button" class="primary" onClick={() => live.connect({ wait: true })}>{t('waitForIt')}</button>}
            <button type="button" onClick={() => live.connect()}>{t('tryAgain')}</button>
            {code !== 'not_allowed' && why}
            <a class="button" href={new URL(document.baseURI).pathname} onClick={(e) => follow(e, '')}>{t('allLogs')}</a>
          </p>
        </Empty>
      </div>
    );
  }
  if (live.window.rows > 0) return null;
  if (s.phase === 'waiting' && s.attempt > 1) {
    const code = s.error && explained.has(s.error.code) ? s.error.code : 'unreachable';
    return <div class="overlay"><Empty title={t(`err_${code}` as Key)} hint={t(`err_${code}_hint` as Key)} /></div>;
  }
  if (s.phase !== 'open' || live.head.value === 'loading') return null;
  const filtered = live.view.value.include.length + live.view.value.exclude.length > 0;
  const caughtUp = live.stats.value.caughtUp;
  return caughtUp || live.view.value.wait ? <div class="overlay"><Empty title={t(filtered ? 'noLineMatches' : caughtUp ? 'emptyLog' : 'waitingForLog')} hint=""><p class="actions">{why}</p></Empty></div> : null;
}

// What may be followed instead.
function Roots() {
  const roots = useSignal<string[]>([]);
  useEffect(() => {
    const abort = new AbortController();
    fetchRoots(abort.signal).then((found) => (roots.value = found), () => undefined);
    return () => abort.abort();
  }, []);
  if (roots.value.length === 0) return null;
  return <p class="reason">{t('allowedBelow')} {roots.value.map((root) => <code key={root}>{root}</code>)}</p>;
}
