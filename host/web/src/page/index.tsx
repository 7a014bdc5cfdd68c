// The index: which logs there are, the freshest within reach, found by typing.

import { useComputed, useSignal, useSignalEffect } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { age, bytes, number, t } from '../i18n/text';
import { follow, go } from './panes';
import { Icon, Logo } from './icons';
import { fetchLogs, search, splitPath, type Entry, type Listing } from './list';
import { LanguageButton, ThemeButton } from './settings';
import { urlOf } from './url';

const REFRESH = 5_000;
/** A log that was written this recently is shown as being written. */
const ACTIVE = 10_000;

type Order = 'name' | 'size' | 'changed';

export function IndexPage() {
  const listing = useSignal<Listing | null>(null);
  const failed = useSignal('');
  const query = useSignal('');
  const order = useSignal<Order>('name');
  const now = useSignal(Date.now());
  const chosen = useSignal(0);
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
    void query.value;
    chosen.value = 0;
  });

  const grouped = order.value === 'name' && query.value.trim() === '';
  const typedPath = query.value.trim().startsWith('/') && !found.value.some((e) => e.log === query.value.trim()) ? query.value.trim() : '';

  const onKey = (event: KeyboardEvent) => {
    const last = found.value.length - 1;
    if (event.key === 'ArrowDown') chosen.value = Math.min(last, chosen.value + 1);
    else if (event.key === 'ArrowUp') chosen.value = Math.max(0, chosen.value - 1);
    else if (event.key === 'Enter') {
      const entry = found.value[chosen.value];
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
            <Rows entries={found.value} grouped={grouped} chosen={query.value ? chosen.value : -1} now={now.value} />
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
      <button type="button" class={on ? 'on' : ''} onClick={() => (order.value = by)}>{label}</button>
    </th>
  );
}

function Rows({ entries, grouped, chosen, now }: { entries: Entry[]; grouped: boolean; chosen: number; now: number }) {
  const rows: preact.JSX.Element[] = [];
  let dir = '';
  entries.slice(0, 2000).forEach((entry, i) => {
    const path = splitPath(entry.log);
    if (grouped && path.dir !== dir) {
      dir = path.dir;
      rows.push(<tr key={`d${dir}`} class="dir"><th colSpan={3} scope="rowgroup">{dir}</th></tr>);
    }
    const since = now - Date.parse(entry.modified);
    const active = since < ACTIVE;
    rows.push(
      <tr key={entry.log} data-index={i} class={i === chosen ? 'chosen' : ''}>
        <td class="name">
          <a href={urlOf(entry.log, document.baseURI).pathname} onClick={(e) => follow(e, entry.log)}>
            <span class={active ? 'dot active' : 'dot'} title={active ? t('active') : ''} />
            {!grouped && <span class="path">{path.dir}</span>}
            <span class="file">{path.name}</span>
            {entry.generations > 1 && <span class="generations">{t('generations', { n: number(entry.generations) })}</span>}
          </a>
        </td>
        <td class="size">{bytes(entry.size)}</td>
        <td class="changed">{Number.isNaN(since) ? '' : <time dateTime={entry.modified} title={new Date(entry.modified).toLocaleString()}>{age(since)}</time>}</td>
      </tr>,
    );
  });
  return <tbody>{rows}</tbody>;
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
