// The live view of one log.

import { useSignal } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { number, t, type Key } from '../i18n/text';
import { follow } from './app';
import { Drawer } from './drawer';
import { Chips, FilterBar } from './filterbar';
import { Help } from './help';
import { Icon, Logo } from './icons';
import { DoctorDialog } from './doctor';
import { Empty } from './index';
import { bindKeys, type Panels } from './keys';
import { Live } from './live';
import { Announcer } from './announce';
import { Minimap } from './minimap';
import { Palette } from './palette';
import { Timeline } from './timeline';
import { FoldButton, LanguageButton, ThemeButton, WrapButton } from './settings';
import { fetchRoots, splitPath } from './list';
import { Results } from './results';
import { Strip } from './strip';
import { WhenDialog } from './whendialog';
import * as prefs from './prefs';

export function LivePage({ log }: { log: string }) {
  const live = useMemo(() => new Live(log), [log]);
  const place = useRef<HTMLDivElement>(null);
  const panels: Panels = { help: useSignal(false), palette: useSignal(false), find: useSignal(false), filter: useSignal(false), when: useSignal(false), why: useSignal(false) };

  useEffect(() => {
    const surface = live.surface.element;
    surface.setAttribute('role', 'log');
    surface.setAttribute('aria-live', 'off');
    surface.id = 'log';
    place.current!.append(surface);
    surface.focus({ preventScroll: true });
    const unbind = bindKeys(live, panels);
    const unbindSurface = bindSurface(live);
    return () => {
      unbind();
      unbindSurface();
      live.dispose();
      surface.remove();
    };
  }, [live]);

  // Whoever looks again need not wait for the next attempt.
  useEffect(() => {
    const looked = () => {
      if (!document.hidden) live.retry();
    };
    document.addEventListener('visibilitychange', looked);
    return () => document.removeEventListener('visibilitychange', looked);
  }, [live]);

  // A tab in the background says how much there is to read.
  useEffect(() => {
    const { name } = splitPath(log);
    let seen = 0;
    const dispose = live.stats.subscribe((stats) => {
      if (!document.hidden) seen = stats.lines;
      const unseen = stats.lines - seen;
      document.title = `${unseen > 0 ? `(${number(unseen)}) ` : ''}${name} · livetail`;
    });
    return dispose;
  }, [live]);

  live.surface.element.setAttribute('aria-label', `${t('logRegion')}: ${log}`);
  const { dir, name } = splitPath(log);
  const refused = live.state.value.phase === 'refused';
  return (
    <div class="live">
      <a class="skip" href="#log" onClick={(e) => { e.preventDefault(); live.surface.element.focus(); }}>{t('skip')}</a>
      <header class="bar">
        <a class="home" href={new URL(document.baseURI).pathname} onClick={(e) => follow(e, '')} title={t('allLogs')} aria-label={t('allLogs')}><Logo /></a>
        <h1 title={log}><span class="dir">{dir}</span><span class="file">{name}</span></h1>
        <span class="grow" />
        {!refused && <FilterBar live={live} panels={panels} />}
        {!refused && <FollowButton live={live} />}
        {!refused && <FoldButton />}
        {!refused && <WrapButton />}
        <ThemeButton />
        <LanguageButton />
        <button type="button" class="tool" title={`${t('help')} (?)`} aria-label={t('help')} onClick={() => (panels.help.value = true)}><Icon name="help" /></button>
      </header>
      {!refused && (
        <div class="overview">
          <Chips live={live} />
          {prefs.timeline.value && <Timeline live={live} panels={panels} />}
        </div>
      )}
      <main class="stage">
        <div class="place" ref={place} />
        <HeadNote live={live} />
        <Minimap live={live} />
        <Overlay live={live} panels={panels} />
        <Pill live={live} />
        <Results live={live} />
        <Drawer live={live} />
      </main>
      <Strip live={live} panels={panels} />
      <Announcer live={live} />
      <Help open={panels.help} />
      <Palette live={live} panels={panels} />
      <WhenDialog live={live} open={panels.when} />
      <DoctorDialog log={log} open={panels.why} />
    </div>
  );
}

// Wheel, touch, keys and selection say that the person wants to read: the view holds still from then on.
function bindSurface(live: Live): () => void {
  const element = live.surface.element;
  const wheel = (e: WheelEvent) => {
    if (e.deltaY < 0 && element.scrollTop > 0) live.pause();
  };
  let touchY = 0;
  const touchstart = (e: TouchEvent) => (touchY = e.touches[0].clientY);
  const touchmove = (e: TouchEvent) => {
    if (e.touches[0].clientY > touchY + 4) live.pause();
  };
  const selection = () => {
    const s = document.getSelection();
    if (s && !s.isCollapsed && live.surface.idOf(s.anchorNode) !== null) live.pause();
  };
  let downAt = { x: 0, y: 0 };
  const down = (e: PointerEvent) => (downAt = { x: e.clientX, y: e.clientY });
  const click = (e: MouseEvent) => {
    const selecting = document.getSelection();
    if (Math.hypot(e.clientX - downAt.x, e.clientY - downAt.y) > 4 || (selecting && !selecting.isCollapsed)) return;
    const id = live.surface.idOf(e.target as Node);
    if (id === null) return;
    live.pause();
    if ((e.target as Element).closest('.fold')) {
      live.hidden.unfold(id);
      return;
    }
    if ((e.target as Element).closest('.badge, .mark')) live.drawer.value = true;
    live.select(live.selected.value === id && !live.drawer.value ? null : id);
  };
  element.addEventListener('wheel', wheel, { passive: true });
  element.addEventListener('touchstart', touchstart, { passive: true });
  element.addEventListener('touchmove', touchmove, { passive: true });
  element.addEventListener('pointerdown', down);
  element.addEventListener('click', click);
  document.addEventListener('selectionchange', selection);
  return () => document.removeEventListener('selectionchange', selection);
}

function FollowButton({ live }: { live: Live }) {
  const on = live.following.value;
  return (
    <button type="button" class={on ? 'tool state on' : 'tool state off'} aria-pressed={on} title={t(on ? 'pauseHint' : 'resumeHint')} onClick={() => live.toggle()}>
      <Icon name={on ? 'pause' : 'follow'} />
      <span>{t(on ? 'pause' : 'follow')}</span>
    </button>
  );
}

function Pill({ live }: { live: Live }) {
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
function HeadNote({ live }: { live: Live }) {
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
function Overlay({ live, panels }: { live: Live; panels: Panels }) {
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
