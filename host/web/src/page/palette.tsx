// Everything by typing: commands first, then the other logs.

import { useSignal, useSignalEffect } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { t } from '../i18n/text';
import { beside, go, MOST_PANES, panes, shut, turn, type Panels } from './panes';
import { copyLink, copyText } from './copy';
import { byFavour, star, starred } from './favourites';
import { seekLevel } from './find';
import { Dialog } from './dialog';
import { resize, sameTime } from './keys';
import { fetchLogs, score, search, splitPath, type Entry } from './list';
import type { Live } from './live';
import * as prefs from './prefs';
import { fullScreen, nextTheme } from './settings';
import { MOST_LOGS, urlOf } from './url';

interface Command {
  label: string;
  key: string;
  run: () => void;
  /** Another log, which can be merged as well. */
  log?: string;
}

function commands(live: Live, panels: Panels): Command[] {
  const c = (label: string, key: string, run: () => void): Command => ({ label, key, run });
  return [
    live.following.value ? c(t('pause'), 'Space', () => live.pause()) : c(t('follow'), 'End', () => live.follow()),
    c(t('find'), '/', () => (panels.find.value = true)),
    ...(live.state.value.capabilities.includes('filter') ? [c(t('filter'), 'f', () => (panels.filter.value = true))] : []),
    c(t('nextError'), 'e', () => seekLevel(live, true, true)),
    c(t('nextWarn'), 'w', () => seekLevel(live, true, false)),
    ...(live.canScan ? [
      c(t('searchHistory'), 's', () => live.search.start(live.view.value.search)),
      c(t('jumpTime'), 'T', () => (panels.when.value = true)),
    ] : []),
    c(t('bookmarkLine'), 'b', () => live.bookmarks.toggle()),
    ...(live.bookmarks.count.value > 0 ? [c(t('nextBookmark'), 'm', () => live.bookmarks.seek(true)), c(t('bookmarks'), 'B', () => (live.bookmarks.open.value = true))] : []),
    c(t('why'), '', () => (panels.why.value = true)),
    c(t('goTop'), 'Home', () => { live.pause(); live.surface.element.scrollTop = 0; }),
    c(t('wrap'), 'z', () => (prefs.wrap.value = !prefs.wrap.value)),
    c(t('fold'), 'r', () => (prefs.fold.value = !prefs.fold.value)),
    c(t('summary'), 'x', () => (prefs.summary.value = !prefs.summary.value)),
    ...prefs.EDGES.filter((e) => e !== prefs.edge.value).map((e) => c(t('edge', { what: t(`edge_${e}`) }), 'i', () => (prefs.edge.value = e))),
    c(t('density'), '', () => (prefs.dense.value = !prefs.dense.value)),
    c(t('timeline'), '', () => (prefs.timeline.value = !prefs.timeline.value)),
    c(t('textBigger'), '+', () => resize(1)),
    c(t('textSmaller'), '−', () => resize(-1)),
    c(t('theme'), 't', nextTheme),
    c(t('language'), '', () => (prefs.language.value = prefs.language.value === 'zh' ? 'en' : 'zh')),
    c(t('copyText'), 'c', () => void copyText(live, 'text')),
    c(t('copyAnsi'), 'C', () => void copyText(live, 'ansi')),
    c(t('copyMarkdown'), '', () => void copyText(live, 'markdown')),
    c(t('copyLink'), 'l', () => void copyLink(live)),
    c(t('clearAll'), '', () => {
      const filtered = live.filters.on;
      live.setView({ search: '', highlight: [], hide: [], at: '' });
      if (filtered) live.filters.set([], []);
    }),
    ...live.logs.map((log) => c(live.merged ? t('downloadOf', { log }) : t('download'), '', () => download(log, [], []))),
    ...(live.merged ? [c(t('downloadLoaded'), '', () => save(loaded(live), 'merged.log'))] : []),
    ...(live.filters.on && !live.merged ? [c(t('downloadFiltered'), '', () => download(live.log, live.view.value.include, live.view.value.exclude))] : []),
    c(t('addLog'), 'v', () => { panels.adding.value = true; panels.palette.value = true; }),
    ...(panes.value.length > 1 ? [
      c(t('sameTime'), 'y', () => sameTime(live)),
      c(t('closePane'), '', () => shut(live.pane)),
      c(t('stacked'), '', () => (prefs.stacked.value = !prefs.stacked.value)),
    ] : []),
    c(t('star'), '*', () => star(live.log)),
    c(t('fullScreen'), 'F', fullScreen),
    c(t('help'), '?', () => (panels.help.value = true)),
    c(t('allLogs'), '', () => go('')),
  ];
}

// The log as the server has it, all generations, or the lines of it that pass the filter; the browser saves it as it comes.
function download(log: string, include: string[], exclude: string[]): void {
  const url = urlOf(log, document.baseURI);
  url.searchParams.set('download', '1');
  include.forEach((p) => url.searchParams.append('include', p));
  exclude.forEach((p) => url.searchParams.append('exclude', p));
  save(url.href, splitPath(log).name);
}

function save(href: string, name: string): void {
  const link = document.createElement('a');
  link.href = href;
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  if (href.startsWith('blob:')) setTimeout(() => URL.revokeObjectURL(href), 60_000);
}

// What is loaded of several logs and not muted, in the order in which it is shown.
function loaded(live: Live): string {
  const lines: string[] = [];
  for (const row of live.rowsBetween(live.window.firstId, live.window.lastId)) {
    if (row.block.kind !== 'lines' || live.view.peek().muted.includes(row.block.part)) continue;
    // The last line of a log may have no end; the rest of a long line goes on with it.
    if (!row.block.piece && lines.length > 0 && !lines[lines.length - 1].endsWith('\n')) lines.push('\n');
    lines.push(live.window.text(row));
  }
  return URL.createObjectURL(new Blob(lines, { type: 'text/plain' }));
}

export function Palette({ live, panels }: { live: Live; panels: Panels }) {
  useSignalEffect(() => {
    if (!panels.palette.value) panels.adding.value = false;
  });
  return <Dialog open={panels.palette} label={t('commands')} cls="palette"><Body key={String(panels.adding.value)} live={live} panels={panels} /></Dialog>;
}

function Body({ live, panels }: { live: Live; panels: Panels }) {
  const input = useRef<HTMLInputElement>(null);
  const query = useSignal('');
  const chosen = useSignal(0);
  const logs = useSignal<Entry[]>([]);
  const loaded = useSignal(false);
  /** Enter came before the list of logs. */
  const eager = useSignal(false);
  useEffect(() => {
    input.current?.focus();
    const abort = new AbortController();
    fetchLogs('', abort.signal).then((l) => (logs.value = l.logs), () => undefined).finally(() => (loaded.value = true));
    return () => abort.abort();
  }, []);
  const q = query.value.trim();
  const adding = panels.adding.value;
  // "Merge with" and "open beside" may be typed before the log, or left out.
  const words = /^(?:(merge(?: with)?|合并)|((?:open )?beside:?|并排(?:打开)?：?))\s*/i.exec(q);
  const listed = search(q ? logs.value : byFavour(logs.value), words ? q.slice(words[0].length) : q);
  const others = listed.filter((e) => !live.logs.includes(e.log)).slice(0, q ? 50 : adding ? 20 : 8);
  const merge = (log: string) => {
    panels.palette.value = false;
    turn(live.pane, live.log, [...live.logs.slice(1), log]);
  };
  const besides = (log: string): Command[] => (!words?.[1] && panes.value.length < MOST_PANES ? [{ label: t('openBeside', { log }), key: '', run: () => beside(log) }] : []);
  const merges = (log: string): Command[] => (!words?.[2] && live.logs.length < MOST_LOGS ? [{ label: t('mergeWith', { log }), key: '', run: () => merge(log) }] : []);
  const found: Command[] = adding ? [
    ...others.flatMap((e) => [...besides(e.log), ...merges(e.log)]),
    ...(score(live.log, q) === null ? [] : besides(live.log)),
  ] : [
    ...commands(live, panels).map((c) => ({ c, s: score(c.label, q) })).filter((x) => x.s !== null).sort((a, b) => (q ? b.s! - a.s! : 0)).map((x) => x.c),
    ...(words ? [] : others).map((e) => ({ label: e.log, key: starred.value.includes(e.log) ? '★' : '', run: () => turn(live.pane, e.log), log: e.log })),
    ...others.flatMap((e) => [...merges(e.log), ...besides(e.log)]),
  ];
  const placeholder = t(adding ? 'addPlaceholder' : 'commandPlaceholder');
  const run = (command: Command | undefined, merging = false) => {
    if (!command) {
      eager.value = !loaded.value;
      return;
    }
    if (merging && command.log && live.logs.length < MOST_LOGS) {
      merge(command.log);
      return;
    }
    panels.palette.value = false;
    live.surface.element.focus();
    command.run();
  };
  useEffect(() => {
    if (!eager.value || !loaded.value) return;
    eager.value = false;
    run(found[0]);
  }, [eager.value, loaded.value]);
  return (
    <>
      <input ref={input} type="text" role="combobox" aria-expanded="true" aria-controls="palette-list" aria-activedescendant={`p${chosen.value}`} aria-label={placeholder} placeholder={placeholder} value={query.value} spellcheck={false} autocomplete="off"
        onInput={(e) => { query.value = e.currentTarget.value; chosen.value = 0; }}
        onKeyDown={(e) => {
          if (e.key === 'ArrowDown') chosen.value = Math.min(found.length - 1, chosen.value + 1);
          else if (e.key === 'ArrowUp') chosen.value = Math.max(0, chosen.value - 1);
          else if (e.key === 'Enter') run(found[chosen.value], e.shiftKey);
          else return;
          e.preventDefault();
          document.getElementById(`p${chosen.value}`)?.scrollIntoView({ block: 'nearest' });
        }} />
      <ul id="palette-list" role="listbox" aria-label={t('commands')}>
        {found.map((c, i) => (
          <li key={c.label} id={`p${i}`} role="option" aria-selected={i === chosen.value} onClick={() => run(c)} onMouseMove={() => (chosen.value = i)}>
            <span>{c.label}</span>{c.key && <kbd>{c.key}</kbd>}
          </li>
        ))}
      </ul>
    </>
  );
}
