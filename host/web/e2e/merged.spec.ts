// Several logs merged by time: searched, counted, read from any time in both directions, and linked to.

import { expect, test, type Page } from '@playwright/test';
import { readFileSync } from 'node:fs';
import { MemoryLog, StandIn } from './standin';
import { atEnd, guard, still, surface, visible } from './driver';

const A = '/var/log/a.log';
const B = '/var/log/b.log';
const START = Date.UTC(2026, 10, 23, 10);
let front: StandIn;
let a: MemoryLog;
let b: MemoryLog;
let check: () => void;

const stamp = (ms: number) => new Date(START + ms).toISOString().replace('T', ' ').slice(0, 23);
/** Each log has a line every so many ms; together they are 9,000 lines. */
const alpha = (i: number) => `${stamp(i * 100)} | ${i % 1000 === 500 ? 'ERROR' : 'INFO '} | alpha ${i}${i % 1000 === 500 ? ' needle' : ''}`;
const beta = (i: number) => `${stamp(i * 200 + 50)} | INFO  | beta ${i}${i % 1000 === 400 ? ' needle' : ''}`;

test.beforeEach(async ({ page }) => {
  front = new StandIn();
  a = new MemoryLog();
  b = new MemoryLog();
  for (let i = 0; i < 6000; i++) a.write(alpha(i));
  for (let i = 0; i < 3000; i++) b.write(beta(i));
  front.logs.set(A, a).set(B, b);
  await front.start();
  check = guard(page);
});
test.afterEach(async () => {
  check();
  await front.stop();
});

const open = async (page: Page, query = '') => {
  await page.goto(`${front.url}${A}?with=${B}${query}`);
  await page.locator('.row').first().waitFor();
};

/** The rows in sight are those that there are in both logs, without one missing, from the first to the last. */
async function whole(page: Page): Promise<void> {
  const rows = (await visible(page)).map((r) => r.text);
  const expected = [...Array.from({ length: 6000 }, (_, i) => alpha(i)), ...Array.from({ length: 3000 }, (_, i) => beta(i))].sort();
  const at = expected.indexOf(rows[0]);
  expect(at).toBeGreaterThanOrEqual(0);
  expect(rows).toEqual(expected.slice(at, at + rows.length));
}

test('a search through all of history finds what is in either, newest first, and shows it among the lines of both', async ({ page }) => {
  await open(page);
  await atEnd(page, /alpha 5999/);
  await page.keyboard.press('s');
  await expect(page.locator('.results input')).toBeFocused();
  await page.keyboard.type('needle');
  await page.keyboard.press('Enter');
  await expect(page.locator('.results [role=status]')).toHaveText(/^9 hits · all searched/);
  const hits = await page.locator('.hit-row').allTextContents();
  expect(hits.map((h) => /(alpha|beta) \d+/.exec(h)![0])).toEqual(['alpha 5500', 'beta 2400', 'alpha 4500', 'alpha 3500', 'beta 1400', 'alpha 2500', 'alpha 1500', 'beta 400', 'alpha 500']);
  await page.locator('.hit-row', { hasText: 'beta 400' }).click();
  await expect(page.locator('.row.selected .m')).toContainText('beta 400 needle');
  await expect(page.locator('.row.selected')).toBeInViewport();
  await still(page);
  await whole(page);
  await page.keyboard.press('Escape');
  await page.keyboard.press('End');
  await atEnd(page, /alpha 5999/);
});

test('from a time in the middle it is read on in both directions, to the beginning and to what comes live', async ({ page }) => {
  test.setTimeout(180_000);
  await open(page);
  await atEnd(page, /alpha 5999/);
  await page.keyboard.press('T');
  await page.keyboard.type(stamp(300_000).slice(0, 19));
  await page.keyboard.press('Enter');
  await expect(page.locator('.row', { hasText: 'alpha 3000' })).toBeInViewport();
  await still(page);
  await whole(page);
  b.write(`${stamp(601_000)} | INFO  | beta new`);
  // Down to the live end, looking at every line on the way.
  const rows = await page.evaluate(async () => {
    const s = document.querySelector<HTMLElement>('.surface')!;
    const seen = new Map<number, string>();
    const deadline = performance.now() + 120_000;
    const take = () => document.querySelectorAll<HTMLElement>('.row').forEach((r) => seen.set(Number(r.dataset.id), r.querySelector('.m')?.textContent ?? ''));
    while (performance.now() < deadline) {
      take();
      if (s.dataset.tail === 'live' && s.scrollHeight - s.clientHeight - s.scrollTop < 4) break;
      s.scrollTop += s.clientHeight * 0.8;
      await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    }
    take();
    return [...seen].sort((x, y) => x[0] - y[0]).map(([, text]) => text);
  });
  const from = rows.findIndex((r) => r.includes('alpha 3000'));
  const expected = [...Array.from({ length: 3000 }, (_, i) => alpha(3000 + i)), ...Array.from({ length: 1500 }, (_, i) => beta(1500 + i)), `${stamp(601_000)} | INFO  | beta new`].sort();
  expect(rows.slice(from)).toEqual(expected);
  a.write(`${stamp(602_000)} | INFO  | alpha new`);
  await atEnd(page, /alpha new/);
});

test('the timeline counts both, and a filter keeps the place', async ({ page }) => {
  await open(page);
  await atEnd(page, /alpha 5999/);
  await page.locator('.timebar .span').selectOption({ label: 'last 15 min' });
  const box = (await page.locator('.timeline').boundingBox())!;
  const tip = async (share: number) => {
    await page.mouse.move(box.x + box.width * share - 1, box.y + 20);
    await page.mouse.move(box.x + box.width * share, box.y + 20);
    return (await page.locator('.timetip').textContent()) ?? '';
  };
  // Ten lines of one and five of the other in a second; nothing before they begin.
  await expect.poll(() => tip(0.8)).toMatch(/^(75|150) lines at/);
  await expect.poll(() => tip(0.1)).toMatch(/^0 lines at/);
  await surface(page).hover();
  await page.mouse.wheel(0, -3000);
  await still(page);
  const place = Date.parse((await visible(page))[3].text.slice(0, 23));
  await page.keyboard.press('f');
  await page.keyboard.type('beta');
  await page.keyboard.press('Enter');
  await expect.poll(async () => (await visible(page)).every((r) => r.text.includes('beta'))).toBe(true);
  await expect.poll(async () => (await visible(page)).some((r) => Math.abs(Date.parse(r.text.slice(0, 23)) - place) < 20_000)).toBe(true);
  await expect(page.locator('.chip.include b')).toHaveText(/^\d+$/);
});

test('a link to a line opens the merged view there', async ({ page, context }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await open(page);
  await atEnd(page, /alpha 5999/);
  await page.keyboard.press('T');
  await page.keyboard.type(stamp(200_000).slice(0, 19));
  await page.keyboard.press('Enter');
  await page.locator('.row', { hasText: 'beta 1003' }).click();
  await page.keyboard.press('l');
  await expect.poll(() => page.evaluate(() => navigator.clipboard.readText())).toMatch(/at=1%7E\d+%7Eg1\.\d+/);
  const link = await page.evaluate(() => navigator.clipboard.readText());
  await page.goto('about:blank');
  await page.goto(link);
  await expect(page.locator('.row.at .m')).toContainText('beta 1003');
  await expect(page.locator('.row.at')).toBeInViewport();
  await still(page);
  await whole(page);
});

test('the loaded lines are saved as they are merged, without what is muted; the edge shows when each was written', async ({ page }) => {
  await open(page, '&lines=50');
  await atEnd(page, /alpha 5999/);
  const save = async () => {
    await page.keyboard.press('Control+k');
    await page.keyboard.type('merged');
    await expect(page.locator('dialog.palette li').first()).toContainText('Download the loaded lines');
    const [saved] = await Promise.all([page.waitForEvent('download'), page.keyboard.press('Enter')]);
    expect(saved.suggestedFilename()).toBe('merged.log');
    return readFileSync(await saved.path(), 'utf8').split('\n');
  };
  const expected = [...Array.from({ length: 6000 }, (_, i) => alpha(i)), ...Array.from({ length: 3000 }, (_, i) => beta(i))].sort();
  const both = await save();
  expect(both.pop()).toBe('');
  expect(both.length).toBeGreaterThan(50);
  expect(both).toEqual(expected.slice(-both.length));
  await page.locator('.chip.log').nth(1).getByRole('button').first().click();
  const one = await save();
  one.pop();
  expect(one).toEqual(both.filter((l) => l.includes('alpha')));
  await page.keyboard.press('i');
  await page.keyboard.press('i');
  const rows = await page.evaluate(() => [...document.querySelectorAll<HTMLElement>('.row[data-edge]')].map((r) => [r.dataset.edge!, r.querySelector('.m')!.textContent!.slice(11, 23)]));
  expect(rows.length).toBeGreaterThan(10);
  for (const [edge, written] of rows) expect(edge).toBe(written);
});
