// What the address says: which log, and how it is looked at. The stream's own parameters keep their names, so that the page's
// address with another Accept header is the same stream.

/** Most logs that are merged. */
export const MOST_LOGS = 6;

export interface View {
  include: string[];
  exclude: string[];
  since: string;
  from: string;
  at: string;
  lines: number;
  wait: boolean;
  search: string;
  highlight: string[];
  hide: string[];
  /** Other logs that are merged with this one. */
  others: string[];
  /** Logs that are not shown, by their number; 0 is this one. */
  muted: number[];
}

/** The line that an address names. In several merged logs, it says which of them it is in, and when it was written: PART~TIME~POSITION. */
export function lineOf(at: string): { position: string; part: number; time: number | null } {
  const [, part, time, position] = /^(\d)~(\d*)~(.+)$/.exec(at) ?? [];
  return position === undefined ? { position: at, part: 0, time: null } : { position, part: Number(part), time: time === '' ? null : Number(time) };
}

/** The part of the path below the server's base path. */
export function logOf(location: { pathname: string }, base: string): string {
  const prefix = new URL(base).pathname;
  const path = location.pathname.startsWith(prefix) ? location.pathname.slice(prefix.length) : location.pathname.slice(1);
  return path === '' ? '' : '/' + decode(path);
}

function decode(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

/** The address of a log, below the base. */
export function urlOf(log: string, base: string): URL {
  const url = new URL(base);
  url.search = url.hash = '';
  url.pathname = url.pathname.replace(/\/$/, '') + log.split('/').map(encodeURIComponent).join('/');
  return url;
}

export function socketURL(log: string, base: string): string {
  const url = urlOf(log, base);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return url.href;
}

export function parseView(search: string): View {
  const q = new URLSearchParams(search);
  const lines = Number(q.get('lines'));
  return {
    include: q.getAll('include').filter(Boolean), exclude: q.getAll('exclude').filter(Boolean), since: q.get('since') ?? '', from: q.get('from') ?? '',
    at: q.get('at') ?? '', lines: Number.isInteger(lines) && lines > 0 ? Math.min(lines, 10_000) : 1000, wait: q.get('wait') === '1',
    search: q.get('find') ?? '', highlight: q.getAll('mark').filter(Boolean), hide: (q.get('hide') ?? '').split(',').filter(Boolean),
    others: q.getAll('with').filter(Boolean).slice(0, MOST_LOGS - 1), muted: (q.get('mute') ?? '').split(',').filter((n) => /^\d$/.test(n)).map(Number),
  };
}

/** The logs that an address shows side by side: the first has its path and query, each other stands in a parameter as the address that it would have alone. */
export function parsePanes(location: { pathname: string; search: string }, base: string): { log: string; query: string }[] {
  const log = logOf(location, base);
  if (log === '') return [];
  const q = new URLSearchParams(location.search);
  const others = q.getAll('beside').filter((b) => b.startsWith('/')).map((b) => {
    const at = b.indexOf('?');
    return at < 0 ? { log: decode(b), query: '' } : { log: decode(b.slice(0, at)), query: b.slice(at) };
  });
  q.delete('beside');
  const rest = q.toString();
  return [{ log, query: rest && `?${rest}` }, ...others];
}

/** The address that shows logs side by side. */
export function addressOf(panes: readonly { log: string; query: string; view: View }[], base: string): string {
  const [first, ...others] = panes;
  if (!first) return new URL(base).pathname;
  const q = new URLSearchParams(formatView(first.query, first.view));
  for (const p of others) q.append('beside', p.log.split('/').map(encodeURIComponent).join('/') + formatView(p.query, p.view));
  const s = q.toString();
  return urlOf(first.log, base).pathname + (s && `?${s}`);
}

/** Writes a view into a query; parameters that are none of ours stay. */
export function formatView(search: string, view: View): string {
  const q = new URLSearchParams(search);
  for (const name of ['include', 'exclude', 'at', 'find', 'mark', 'hide', 'wait', 'with', 'mute']) q.delete(name);
  view.include.forEach((p) => q.append('include', p));
  view.exclude.forEach((p) => q.append('exclude', p));
  if (view.at) q.set('at', view.at);
  if (view.search) q.set('find', view.search);
  view.highlight.forEach((p) => q.append('mark', p));
  if (view.hide.length) q.set('hide', view.hide.join(','));
  view.others.forEach((log) => q.append('with', log));
  if (view.muted.length) q.set('mute', view.muted.join(','));
  if (view.wait) q.set('wait', '1');
  const s = q.toString();
  return s === '' ? '' : `?${s}`;
}
