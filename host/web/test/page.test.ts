import { describe, expect, it } from 'vitest';
import { score, search, splitPath } from '../src/page/list';
import { addressOf, formatView, logOf, parsePanes, parseView, socketURL, urlOf } from '../src/page/url';
import { en } from '../src/i18n/en';
import { zh } from '../src/i18n/zh';

describe('addresses', () => {
  it('name logs below any base path', () => {
    expect(logOf({ pathname: '/var/log/app.log' }, 'http://h/')).toBe('/var/log/app.log');
    expect(logOf({ pathname: '/t/var/log/a%20b%23%E6%97%A5.log' }, 'http://h/t/')).toBe('/var/log/a b#日.log');
    expect(logOf({ pathname: '/' }, 'http://h/')).toBe('');
    expect(logOf({ pathname: '/t/' }, 'http://h/t/')).toBe('');
    expect(urlOf('/var/a b#日?.log', 'http://h/t/').href).toBe('http://h/t/var/a%20b%23%E6%97%A5%3F.log');
    expect(socketURL('/a.log', 'https://h/')).toBe('wss://h/a.log');
  });
  it('survive the way there and back', () => {
    for (const log of ['/a', '/a/100%.log', '/a/ü/日志.log', '/a/b?c#d.log']) expect(logOf(urlOf(log, 'http://h/t/'), 'http://h/t/')).toBe(log);
  });
  it('keep the view, and what is none of ours', () => {
    const view = { ...parseView(''), include: ['a', 'b'], exclude: ['c d'], at: 'g.1', search: 'x', highlight: ['y'], hide: ['debug'] };
    const query = formatView('?tail=1&include=old', view);
    expect(query).toContain('tail=1');
    expect(parseView(query)).toEqual(view);
  });
  it('hold several logs side by side, each with its view', () => {
    const base = 'http://h/t/';
    const panes = [['/a b.log', '?tail=1&include=x%26y'], ['/c?d#e%.log', '?exclude=%3F&find=%2B&with=%2Fother.log'], ['/日.log', '']].map(([log, query]) => ({ log, query, view: parseView(query) }));
    const url = new URL(addressOf(panes, base), base);
    expect(url.pathname).toBe('/t/a%20b.log');
    const read = parsePanes(url, base);
    expect(read.map((p) => p.log)).toEqual(panes.map((p) => p.log));
    expect(read.map((p) => parseView(p.query))).toEqual(panes.map((p) => p.view));
    expect(read[0].query).toContain('tail=1');
    expect(addressOf(read.map((p) => ({ ...p, view: parseView(p.query) })), base)).toBe(url.pathname + url.search);
    // Without the first, the second takes its place.
    expect(parsePanes(new URL(addressOf(panes.slice(1), base), base), base).map((p) => p.log)).toEqual(['/c?d#e%.log', '/日.log']);
    expect(addressOf([], base)).toBe('/t/');
    expect(parsePanes({ pathname: '/t/', search: '?beside=/a' }, base)).toEqual([]);
    expect(parsePanes({ pathname: '/t/a', search: '?beside=javascript:x' }, base)).toHaveLength(1);
  });
  it('take no absurd number of lines', () => {
    expect(parseView('?lines=1e9').lines).toBe(10_000);
    expect(parseView('?lines=-1').lines).toBe(1000);
  });
});

describe('finding a log', () => {
  const logs = ['/var/log/nginx/access.log', '/var/log/nginx/error.log', '/srv/app/error-archive/x.log'].map((log) => ({ log, size: 0, modified: '', generations: 0 }));
  it('prefers the name to the folder', () => expect(search(logs, 'error').map((e) => e.log)[0]).toBe('/var/log/nginx/error.log'));
  it('takes letters in their order', () => expect(search(logs, 'nxacc').map((e) => e.log)).toEqual(['/var/log/nginx/access.log']));
  it('wants all words', () => expect(search(logs, 'nginx err').map((e) => e.log)).toEqual(['/var/log/nginx/error.log']));
  it('says no', () => expect(score('/a', 'zz')).toBeNull());
  it('splits paths', () => expect(splitPath('/a/b.log')).toEqual({ dir: '/a/', name: 'b.log' }));
});

describe('translations', () => {
  it('fill in the same values', () => {
    const values = (s: string) => [...s.matchAll(/\{\w+\}/g)].map((m) => m[0]).sort();
    for (const key of Object.keys(en) as (keyof typeof en)[]) expect([key, values(zh[key])]).toEqual([key, values(en[key])]);
  });
});
