// One log, or several merged by time, watched live. Alone on the page, or beside others.

import { signal } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { t } from '../i18n/text';
import { Announcer } from './announce';
import { Chips, FilterBar } from './filterbar';
import { bindSurface } from './hands';
import { Icon, Logo } from './icons';
import { bindKeys } from './keys';
import { splitPath } from './list';
import { Live } from './live';
import { Minimap } from './minimap';
import { active, follow, MOST_PANES, panes, shown, shut, unseen, type Pane, type Panels } from './panes';
import * as prefs from './prefs';
import { FoldButton, FullScreenButton, LanguageButton, StarButton, ThemeButton, WrapButton } from './settings';
import { HeadNote, Overlay, Pill } from './stage';
import { Strip } from './strip';
import { Timeline } from './timeline';

/** What opens over the log, once it is loaded. */
const loaded = signal<typeof import('./panels') | null>(null);

function load(): void {
  import('./panels').then((m) => (loaded.value = m), () => setTimeout(load, 2000));
}

export function PaneView({ pane, at, alone }: { pane: Pane; at: number; alone: boolean }) {
  const live = useMemo(() => new Live(pane), [pane]);
  const place = useRef<HTMLDivElement>(null);
  const { panels } = pane;
  const over = loaded.value;
  const here = active.value === pane.id;

  useEffect(() => {
    const surface = live.surface.element;
    surface.setAttribute('role', 'log');
    surface.setAttribute('aria-live', 'off');
    surface.id = `log${pane.id}`;
    place.current!.append(surface);
    shown.set(pane.id, live);
    const unbind = bindKeys(live, panels);
    const unbindSurface = bindSurface(live);
    return () => {
      unbind();
      unbindSurface();
      shown.delete(pane.id);
      live.dispose();
      surface.remove();
    };
  }, [live]);

  useEffect(() => {
    if (loaded.peek() === null) load();
  }, []);

  useEffect(() => {
    if (here) live.surface.element.focus({ preventScroll: true });
  }, [live, here]);

  // Whoever looks again need not wait for the next attempt.
  useEffect(() => {
    const looked = () => {
      if (!document.hidden) live.retry();
    };
    document.addEventListener('visibilitychange', looked);
    return () => document.removeEventListener('visibilitychange', looked);
  }, [live]);

  useEffect(() => unseen(pane, live.stats), [live]);

  live.surface.element.setAttribute('aria-label', `${t('logRegion')}: ${live.logs.join(', ')}`);
  const refused = live.state.value.phase === 'refused';
  const come = () => (active.value = pane.id);
  return (
    <section class={here && !alone ? 'pane here' : 'pane'} aria-label={live.logs.join(', ')} onFocusCapture={come} onPointerDownCapture={come}>
      <header class="bar">
        {alone
          ? <a class="home" href={new URL(document.baseURI).pathname} onClick={(e) => follow(e, '')} title={t('allLogs')} aria-label={t('allLogs')}><Logo /></a>
          : <kbd class="pane-key" title={t('paneKey', { key: String(at + 1) })}>{at + 1}</kbd>}
        <Title live={live} top={alone} />
        <StarButton log={live.log} hint=" (*)" />
        <span class="grow" />
        {!refused && <FilterBar live={live} panels={panels} />}
        {!refused && <FollowButton live={live} />}
        {alone && !refused && <FoldButton />}
        {alone && !refused && <WrapButton />}
        {alone && <Tools panels={panels} />}
        {!alone && <button type="button" class="tool" title={t('closePane')} aria-label={`${t('closePane')}: ${live.log}`} onClick={() => shut(pane)}><Icon name="close" /></button>}
      </header>
      {!refused && (
        <div class="overview">
          <Chips live={live} />
          {prefs.timeline.value && <Timeline live={live} panels={panels} />}
        </div>
      )}
      <div class="stage">
        <div class="place" ref={place} />
        <HeadNote live={live} />
        <Minimap live={live} />
        <Overlay live={live} panels={panels} />
        <Pill live={live} />
        {over && <><over.Results live={live} /><over.BookmarkList live={live} /><over.Drawer live={live} /></>}
      </div>
      <Strip live={live} panels={panels} />
      <Announcer live={live} />
      {over && <><over.Palette live={live} panels={panels} /><over.Help open={panels.help} /><over.WhenDialog live={live} open={panels.when} /><over.DoctorDialog log={live.log} open={panels.why} /></>}
    </section>
  );
}

/** Buttons that the page has once. What they do is done for the pane that panels belong to. */
export function Tools({ panels }: { panels: Panels }) {
  return (
    <>
      {panes.value.length < MOST_PANES && (
        <button type="button" class="tool add-tool" title={`${t('addLog')} (v)`} aria-label={t('addLog')} onClick={() => { panels.adding.value = true; panels.palette.value = true; }}><Icon name="add" /></button>
      )}
      <FullScreenButton />
      <ThemeButton />
      <LanguageButton />
      <button type="button" class="tool menu" title={`${t('commands')} (Ctrl K)`} aria-label={t('commands')} onClick={() => (panels.palette.value = true)}><Icon name="more" /></button>
      <button type="button" class="tool keys" title={`${t('help')} (?)`} aria-label={t('help')} onClick={() => (panels.help.value = true)}><Icon name="help" /></button>
    </>
  );
}

function Title({ live, top }: { live: Live; top: boolean }) {
  const { dir, name } = splitPath(live.log);
  const more = live.logs.length - 1;
  const text = <><span class="dir">{dir}</span><span class="file">{name}</span>{more > 0 && <span class="more" title={t('mergedHint')}>+{more}</span>}</>;
  const all = [...live.logs, ...(more > 0 ? ['', t('mergedHint')] : [])].join('\n');
  return top ? <h1 title={all}>{text}</h1> : <h2 title={all}>{text}</h2>;
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

