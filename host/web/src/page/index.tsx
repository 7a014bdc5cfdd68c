// The index: which logs there are, the freshest within reach, found by typing.

import { useComputed, useSignal, useSignalEffect } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { age, bytes, number, t } from '../i18n/text';
import { follow, go } from './panes';
import { Icon, Logo } from './icons';
import { recent, starred } from './favourites';
import { fetchLogs, search, splitPath, type Entry, type Listing } from './list';
import { LanguageButton, StarButton, ThemeButton } from './settings';
import { urlOf } from './url';

const REFRESH = 5_000;
/** A log that was written this recently is shown as being written. */
const ACTIVE = 10_000;
const MOST_ROWS = 2000;
const RECENT_SHOWN = 5;

type Order = 'name' | 'size' | 'changed';

export function IndexPage() {
  const listing = useSignal<Listing | null>(null);
  const failed = useSignal('');
  const query = useSignal('');
  const order = useSignal<Order>('name');
  const now = useSignal(Date.now());
  const chosen = useSignal(-1);
  const input = useRef<HTMLInputElement>(null);

  useEffect(() => {
    document.title = 'livetail';
    input.current?.focus();
    const abort = new AbortController();
    // The list is searched here, as it is typed; only one that is too long to be sent whole is searched by the server.
    let whole = true;
    let latest = 0;
    const load = async () => {
      if (document.hidden) return;
      const turn = ++latest;
      try {
        const answer = await fetchLogs(whole ? '' : query.peek().trim(), abort.signal);
        if (turn !== latest) return;
        if (whole) whole = !answer.truncated;
        listing.value = answer;
        failed.value = '';
      } catch (error) {
        if (!abort.signal.aborted) failed.value = error instanceof Error ? error.message : String(error);
      }
      now.value = Date.now();
    };
    void load();
    const timer = setInterval(() => void load(), REFRESH);
    const shown = () => void load();
    document.addEventListener('visibilitychange', shown);
    let typing = 0;
    const unsubscribe = query.subscribe(() => {
      if (whole) return;
      clearTimeout(typing);
      typing = window.setTimeout(() => void load(), 200);
    });
    return () => {
      abort.abort();
      clearInterval(timer);
      clearTimeout(typing);
      unsubscribe();
      document.removeEventListener('visibilitychange', shown);
    };
  }, []);

  const found = useComputed(() => {
    const logs = search(listing.value?.logs ?? [], query.value.trim());
    if (query.value.trim() !== '') return logs;
    if (order.value === 'size') return [...logs].sort((a, b) => b.size - a.size);
    if (order.value === 'changed') return [...logs].sort((a, b) => Date.parse(b.modified) - Date.parse(a.modified));
    return logs;
  });
  useSignalEffect(() => {
    chosen.value = query.value.trim() === '' ? -1 : 0;
  });

  const grouped = order.value === 'name' && query.value.trim() === '';
  const typedPath = query.value.trim().startsWith('/') && !found.value.some((e) => e.log === query.value.trim()) ? query.value.trim() : '';
  const rows = grouped ? groups(found.value) : found.value.map((entry) => ({ entry, group: '' }));
  rows.length = Math.min(rows.length, MOST_ROWS);

  const onKey = (event: KeyboardEvent) => {
    if (event.key === 'ArrowDown') chosen.value = Math.min(rows.length - 1, chosen.value + 1);
    else if (event.key === 'ArrowUp') chosen.value = Math.max(0, chosen.value - 1);
    else if (event.key === 'Enter') {
      const entry = rows[Math.max(0, chosen.value)]?.entry;
      if (typedPath && !entry) go(typedPath);
      else if (entry) go(entry.log);
      return;
    } else return;
    event.preventDefault();
    document.querySelector(`[data-index="${chosen.value}"]`)?.scrollIntoView({ block: 'nearest' });
  };

  return (
    <div class="index">
      <header class="index-head">
        <h1><Logo /> livetail</h1>
        <span class="grow" />
        <LanguageButton />
        <ThemeButton />
      </header>
      <main>
        <div class="index-search">
          <Icon name="find" />
          <input ref={input} type="search" placeholder={t('searchLogs')} aria-label={t('searchLogs')} autocomplete="off" spellcheck={false}
            value={query.value} onInput={(e) => (query.value = e.currentTarget.value)} onKeyDown={onKey} />
          {listing.value && <span class="count">{t('logCount', { n: number(found.value.length) })}</span>}
        </div>
        {failed.value && <p class="notice bad" role="alert">{t('listFailed', { reason: failed.value })}</p>}
        {listing.value?.truncated && <p class="notice">{t('listTruncated', { n: number(listing.value.logs.length) })}</p>}
        {typedPath && <p class="open-path"><a href={urlOf(typedPath, document.baseURI).pathname} onClick={(e) => follow(e, typedPath)}>{t('openPath', { path: typedPath })}</a></p>}
        {listing.value && listing.value.logs.length === 0 && <Empty title={t('noLogs')} hint={t('noLogsHint')} />}
        {listing.value && listing.value.logs.length > 0 && found.value.length === 0 && !typedPath && <Empty title={t('noMatch', { query: query.value })} hint="" />}
        {found.value.length > 0 && (
          <table class="logs">
            <thead>
              <tr>
                <Column order={order} by="name" label={t('name')} />
                <Column order={order} by="size" label={t('sizeColumn')} />
                <Column order={order} by="changed" label={t('changed')} />
              </tr>
            </thead>
            <Rows rows={rows} grouped={grouped} chosen={chosen.value} now={now.value} />
          </table>
        )}
      </main>
    </div>
  );
}

function Column({ order, by, label }: { order: { value: Order }; by: Order; label: string }) {
  const on = order.value === by;
  return (
    <th scope="col" class={by} aria-sort={on ? (by === 'name' ? 'ascending' : 'descending') : 'none'}>
      <button type="button" class={on ? 'on' : ''} onClick={() => (order.value = by)}>{label}<i aria-hidden="true">{on ? (by === 'name' ? ' ▴' : ' ▾') : ''}</i></button>
    </th>
  );
}

interface Line {
  entry: Entry;
  /** The heading that it stands under: a folder, or one of those below. */
  group: string;
}

const STARRED = '*';
const RECENT = 'recent';

// What a person comes back to stands first; each log stands in its folder as well.
function groups(entries: Entry[]): Line[] {
  const known = new Map(entries.map((e) => [e.log, e]));
  const of = (logs: readonly string[], group: string) => logs.map((log) => ({ group, entry: known.get(log) ?? { log, size: -1, modified: '', generations: 0 } }));
  const last = recent.value.filter((log) => known.has(log) && !starred.value.includes(log)).slice(0, RECENT_SHOWN);
  // With a handful of logs, all are in sight anyway.
  return [...of(starred.value, STARRED), ...(entries.length > RECENT_SHOWN ? of(last, RECENT) : []), ...entries.map((entry) => ({ entry, group: splitPath(entry.log).dir }))];
}

function Rows({ rows, grouped, chosen, now }: { rows: Line[]; grouped: boolean; chosen: number; now: number }) {
  const out: preact.JSX.Element[] = [];
  let before = '';
  rows.forEach(({ entry, group }, i) => {
    const path = splitPath(entry.log);
    if (grouped && group !== before) {
      before = group;
      out.push(
        <tr key={`d${group}`} class={group.startsWith('/') ? 'dir' : 'dir own'}>
          <th colSpan={3} scope="rowgroup">
            {group === STARRED ? t('starred') : group === RECENT ? t('recent') : group}
            {group === RECENT && <button type="button" title={t('forgetRecentHint')} onClick={() => (recent.value = [])}>{t('forgetRecent')}</button>}
          </th>
        </tr>,
      );
    }
    const since = now - Date.parse(entry.modified);
    const active = since < ACTIVE;
    const missing = entry.size < 0;
    out.push(
      <tr key={`${group} ${entry.log}`} data-index={i} class={i === chosen ? 'chosen' : ''}>
        <td class="name">
          <div>
            <StarButton log={entry.log} />
            <a href={urlOf(entry.log, document.baseURI).pathname} onClick={(e) => follow(e, entry.log)}>
              <span class={active ? 'dot active' : 'dot'} title={active ? t('active') : ''} />
              {group !== path.dir && <span class="path">{path.dir}</span>}
              <span class="file">{path.name}</span>
              {entry.generations > 1 && <span class="generations">{t('generations', { n: number(entry.generations) })}</span>}
            </a>
          </div>
        </td>
        <td class="size">{missing ? '' : bytes(entry.size)}</td>
        <td class="changed">{missing ? t('notThere') : Number.isNaN(since) ? '' : <time dateTime={entry.modified} title={new Date(entry.modified).toLocaleString()}>{age(since)}</time>}</td>
      </tr>,
    );
  });
  return <tbody>{out}</tbody>;
}

export function Empty({ title, hint, children }: { title: string; hint: string; children?: preact.ComponentChildren }) {
  return (
    <div class="empty">
      <h2>{title}</h2>
      {hint && <p>{hint}</p>}
      {children}
    </div>
  );
}
