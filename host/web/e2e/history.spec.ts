// What the server finds in all of history, and several logs as one; with the real front door and real files.

import { expect, test, type Page } from '@playwright/test';
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { all, atEnd, guard, numbered, surface, visible } from './driver';
import { Livetail } from './livetail';

let lt: Livetail;
let check: () => void;

test.beforeEach(async ({ page }) => {
  lt = new Livetail();
  await lt.start();
  check = guard(page);
});
test.afterEach(async () => {
  check();
  await lt.stop();
});

const open = async (page: Page, name: string, query = '') => {
  await page.goto(lt.url + lt.path(name) + query);
  await page.locator('.row, .overlay').first().waitFor();
};

const stamp = (ms: number) => new Date(ms).toISOString().replace('T', ' ').slice(0, 23);
const text = (lines: string[]) => lines.map((l) => `${l}\n`).join('');

/** Three hours of a log, a line a second, an error every ten minutes; in an archive, a rotated file and a live one. Returns its lines. */
function threeHours(name: string, end: number): string[] {
  const lines = Array.from({ length: 10_800 }, (_, i) => `${stamp(end - (10_800 - i) * 1000)} | ${i % 600 === 300 ? 'ERROR' : 'INFO '} | shop - ${i % 600 === 300 ? `payment ${i} declined` : `order ${i}`}`);
  writeFileSync(lt.path(`${name}.2.gz`), gzipSync(text(lines.slice(0, 4000))));
  writeFileSync(lt.path(`${name}.1`), text(lines.slice(4000, 8000)));
  writeFileSync(lt.path(name), text(lines.slice(8000)));
  return lines;
}

test('a search finds what is in rotated and compressed files, and shows it in its context', async ({ page }) => {
  const lines = threeHours('app.log', Date.now());
  await open(page, 'app.log');
  await atEnd(page, /order 10799/);
  await page.keyboard.press('/');
  await page.keyboard.type('declined');
  await page.getByRole('button', { name: 'All history' }).click();
  await expect(page.locator('.results [role=status]')).toHaveText(/18 hits · all searched/);
  const hits = page.locator('.hit-row');
  await expect(hits).toHaveCount(18);
  await expect(hits.first()).toContainText('payment 10500 declined');
  await expect(hits.last()).toContainText('payment 300 declined');
  // The last one stands in the archive; around it are the lines that no search has found.
  await hits.last().click();
  await expect(page.locator('.row.selected .m')).toContainText('payment 300 declined');
  await expect(page.locator('.row.selected')).toBeInViewport();
  const seen = (await visible(page)).map((r) => r.text);
  const at = seen.findIndex((r) => r.includes('payment 300'));
  expect(seen.slice(at - 2, at + 3)).toEqual(lines.slice(298, 303));
  await page.keyboard.press('Escape');
  await expect(page.locator('.results')).toBeHidden();
  await page.keyboard.press('End');
  await atEnd(page, /order 10799/);
});

test('a filter gives way to the context of a hit', async ({ page }) => {
  threeHours('app.log', Date.now());
  await open(page, 'app.log', '?include=declined');
  await atEnd(page, /payment 10500/);
  await page.keyboard.press('s');
  await page.locator('.results input').fill('/order 4[46]00$/');
  await page.keyboard.press('Enter');
  await expect(page.locator('.hit-row')).toHaveCount(2);
  await page.locator('.hit-row').last().click();
  await expect(page.locator('.row.selected .m')).toContainText('order 4400');
  await expect.poll(async () => (await visible(page)).map((r) => r.text).join()).toContain('order 4401');
  await expect(page.locator('.chip.include')).toHaveCount(0);
});

test('a search stops when it is told to, and with a page of hits, and goes on from there', async ({ page }) => {
  lt.write('app.log', ...numbered(1000));
  await open(page, 'app.log');
  await atEnd(page, /000999/);
  await page.keyboard.press('s');
  await page.locator('.results input').fill('something');
  await page.keyboard.press('Enter');
  await expect(page.locator('.hit-row')).toHaveCount(200);
  await page.getByRole('button', { name: 'Look further back' }).click();
  await expect(page.locator('.hit-row')).toHaveCount(400);
  await expect(page.locator('.hit-row').last()).toContainText('line 000600');
});

test('the timeline counts what the page has not loaded; a drag, a click and a typed time go there', async ({ page }) => {
  const end = Math.floor(Date.now() / 60_000) * 60_000;
  threeHours('app.log', end);
  await open(page, 'app.log');
  await atEnd(page, /order 10799/);
  await page.locator('.timebar .span').selectOption({ label: 'last 6 h' });
  const bars = page.locator('.timeline');
  const box = (await bars.boundingBox())!;
  const tip = async (share: number) => {
    await page.mouse.move(box.x + box.width * share - 1, box.y + 20);
    await page.mouse.move(box.x + box.width * share, box.y + 20);
    return (await page.locator('.timetip').textContent()) ?? '';
  };
  // A bar of two minutes has 120 lines, and nothing came before the three hours that there are.
  await expect.poll(() => tip(0.75)).toMatch(/^120 lines at/);
  await expect.poll(() => tip(0.25)).toMatch(/^0 lines at/);
  // What is new is counted as well.
  const now = Date.now();
  lt.write('app.log', ...Array.from({ length: 7 }, () => `${stamp(now)} | ERROR | shop - late`));
  await expect.poll(() => tip(0.999)).toMatch(/7 errors/);
  // From the middle of the second hour on.
  await page.mouse.move(box.x + box.width * 0.7, box.y + 20);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.8, box.y + 20, { steps: 4 });
  await page.mouse.up();
  await expect(page.locator('.timebar .span')).toHaveValue('fixed');
  const from = end - 0.3 * 6 * 3_600_000;
  const off = async () => {
    const first = (await visible(page)).find((r) => / order /.test(r.text));
    return first ? Math.abs(Date.parse(`${first.text.slice(0, 23).replace(' ', 'T')}Z`) - from) : Infinity;
  };
  await expect.poll(off).toBeLessThan(15 * 60_000);
  await page.getByRole('button', { name: 'Back to the newest' }).click();
  await expect(page.locator('.timebar .span')).not.toHaveValue('fixed');
  // A typed time.
  const wanted = new Date(end - 7_200_000);
  await page.keyboard.press('T');
  await expect(page.locator('.when input')).toBeFocused();
  await page.keyboard.type(`${stamp(wanted.getTime()).slice(0, 19)}`);
  await page.keyboard.press('Enter');
  await expect.poll(async () => (await visible(page)).some((r) => r.text.startsWith(stamp(wanted.getTime())))).toBe(true);
});

test('the timeline counts what passes the filter', async ({ page }) => {
  threeHours('app.log', Date.now());
  await open(page, 'app.log', '?include=declined');
  await atEnd(page, /payment 10500/);
  await page.locator('.timebar .span').selectOption({ label: 'last 6 h' });
  // Over each bar of two minutes, what it says.
  const total = () => page.evaluate(async () => {
    const bars = document.querySelector('.timeline')!;
    const box = bars.getBoundingClientRect();
    const said = new Map<string, number>();
    for (let i = 0; i < 400; i++) {
      bars.dispatchEvent(new PointerEvent('pointermove', { bubbles: true, clientX: box.left + (box.width * (i + 0.5)) / 400, clientY: box.top + 20 }));
      await new Promise((done) => setTimeout(done));
      const [, n, time] = /^(\d+) lines at (\S+)/.exec(document.querySelector('.timetip')?.textContent ?? '') ?? ['', '0', ''];
      said.set(time, Number(n));
    }
    return [...said.values()].reduce((a, b) => a + b, 0);
  });
  await expect.poll(total, { timeout: 30_000 }).toBe(18);
});

test('several logs by time: every line once, in order, back through their archives; muted and alone', async ({ page }) => {
  test.setTimeout(120_000);
  const end = Date.now() - 5000;
  const make = (who: string, n: number, every: number) => Array.from({ length: n }, (_, i) => `${stamp(end - (n - i) * every)} | INFO | ${who} ${i}`);
  const a = make('alpha', 3000, 1000);
  const b = make('beta', 1700, 1700);
  writeFileSync(lt.path('a.log.1.gz'), gzipSync(text(a.slice(0, 1500))));
  writeFileSync(lt.path('a.log'), text(a.slice(1500)));
  writeFileSync(lt.path('b.log'), text(b));
  await open(page, 'a.log');
  await atEnd(page, /alpha 2999/);
  // The other one is merged from the palette.
  await page.keyboard.press('Control+k');
  await page.keyboard.type('b.log');
  await page.locator('dialog.palette li', { hasText: /Merge with .*b\.log/ }).click();
  await expect(page.locator('.chip.log')).toHaveCount(2);
  await atEnd(page, /alpha 2999|beta 1699/);
  lt.write('b.log', `${stamp(Date.now())} | INFO | beta 1700`);
  await atEnd(page, /beta 1700/);
  await expect(page.locator('.row.part1').last()).toContainText('beta 1700');
  const rows = (await all(page)).filter((r) => / \| (alpha|beta) /.test(r) || /alpha|beta/.test(r));
  const of = (who: string) => rows.filter((r) => r.includes(who)).map((r) => Number(r.split(' ').at(-1)));
  expect(of('alpha')).toEqual(a.map((_, i) => i));
  expect(of('beta')).toEqual([...b.map((_, i) => i), 1700]);
  const times = rows.map((r) => r.slice(0, 23));
  expect(times).toEqual([...times].sort());
  // Only one of them, then both.
  await page.locator('.chip.log').nth(1).getByRole('button', { name: /Show only/ }).click();
  await expect.poll(async () => (await visible(page)).every((r) => r.text.includes('beta'))).toBe(true);
  await expect(page).toHaveURL(/mute=0/);
  await page.locator('.chip.log').nth(1).getByRole('button', { name: /Show only/ }).click();
  await expect.poll(async () => (await visible(page)).some((r) => r.text.includes('alpha'))).toBe(true);
  await page.getByRole('button', { name: /^Take .* out$/ }).click();
  await expect(page.locator('.chip.log')).toHaveCount(0);
});

test('a link to a line survives that its file was rotated and compressed while the server was away', async ({ page, context }) => {
  test.setTimeout(90_000);
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  lt.write('app.log', ...numbered(3000));
  await open(page, 'app.log');
  await atEnd(page, /002999/);
  for (let i = 0; i < 5; i++) await page.keyboard.press('k');
  await expect(page.locator('.row.selected')).toHaveCount(1);
  const chosen = (await page.locator('.row.selected .m').textContent())!;
  await page.keyboard.press('l');
  await expect(page).toHaveURL(/at=[^&]*\.\d+\.\w+/); // with the evidence
  const link = page.url();
  await page.goto('about:blank');
  await lt.kill();
  const old = readFileSync(lt.path('app.log'));
  rmSync(lt.path('app.log'));
  writeFileSync(lt.path('app.log.1.gz'), gzipSync(old));
  lt.write('app.log', ...numbered(2000, 3000));
  await lt.start();
  await page.goto(link);
  await expect(page.locator('.row.at .m')).toHaveText(chosen);
  await expect(page.locator('.row.at')).toBeInViewport();
});

test('repeats and stack traces are folded, and unfolded with a click', async ({ page }) => {
  const now = Date.now();
  lt.write('app.log', ...Array.from({ length: 40 }, (_, i) => `${stamp(now + i)} | WARNING | queue is full`), `${stamp(now + 50)} | ERROR | it broke`, 'Traceback (most recent call last):', '  File "/srv/a.py", line 1, in b', '    c()', 'ValueError: no', `${stamp(now + 60)} | INFO | went on`);
  await open(page, 'app.log');
  await atEnd(page, /went on/);
  await expect(page.locator('.row .fold')).toHaveCount(0);
  await page.keyboard.press('r');
  await expect.poll(async () => (await visible(page)).map((r) => r.text.slice(26))).toEqual(['WARNING | queue is full', 'ERROR | it broke', 'INFO | went on']);
  await expect(page.locator('.row .fold')).toHaveText(['×40', '+4 lines']);
  lt.write('app.log', `${stamp(now + 70)} | INFO | went on`);
  await expect(page.locator('.row .fold')).toHaveText(['×40', '+4 lines', '×2']);
  await page.locator('.row .fold').nth(1).click();
  await expect.poll(async () => (await visible(page)).map((r) => r.text).join('\n')).toContain('ValueError: no');
  await page.keyboard.press('r');
  await expect.poll(async () => (await visible(page)).length).toBeGreaterThan(20);
});

test('the page says what the server knows about a log that shows nothing', async ({ page }) => {
  writeFileSync(lt.path('app.log'), '');
  await open(page, 'app.log');
  await page.locator('.overlay').getByRole('button', { name: 'Why do I see nothing?' }).click();
  await expect(page.locator('.doctor .finding').first()).toBeVisible();
  await expect(page.locator('.doctor')).toContainText('may be followed');
  await page.keyboard.press('Escape');
  await expect(page.locator('.doctor .finding')).toHaveCount(0);
});

test('what the filter lets pass is downloaded, and nothing else', async ({ page }) => {
  const lines = threeHours('app.log', Date.now());
  await open(page, 'app.log', '?include=declined');
  await atEnd(page, /payment 10500/);
  await page.keyboard.press('Control+k');
  await page.keyboard.type('download the lines that match');
  const [download] = await Promise.all([page.waitForEvent('download'), page.keyboard.press('Enter')]);
  expect(readFileSync(await download.path(), 'utf8')).toBe(text(lines.filter((l) => l.includes('declined'))));
});

test('a search goes on when the plugin dies under it, and says so when the front door does', async ({ page }) => {
  threeHours('app.log', Date.now());
  await open(page, 'app.log');
  await atEnd(page, /order 10799/);
  lt.killPlugin();
  await page.keyboard.press('s');
  await page.locator('.results input').fill('declined');
  await page.keyboard.press('Enter');
  await expect(page.locator('.hit-row')).toHaveCount(18);
  await lt.kill();
  await page.keyboard.press('Escape');
  await page.keyboard.press('s');
  await page.locator('.results input').fill('order 77');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('button', { name: 'Look further back' })).toBeVisible();
  await lt.start();
  await expect(page.locator('.strip')).toHaveAttribute('data-phase', 'open', { timeout: 20_000 });
  await page.getByRole('button', { name: 'Look further back' }).click();
  await expect(page.locator('.hit-row').first()).toBeVisible();
  renameSync(lt.path('app.log'), lt.path('app.log.0'));
  await expect(surface(page)).toBeVisible();
});
