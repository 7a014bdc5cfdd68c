// What a person keeps in the browser: stars, what was open last, bookmarks; and what stands at the edge of lines.

import { expect, test, type Page } from '@playwright/test';
import { MemoryLog } from './standin';
import { LOG, overStandIn } from './over';
import { atEnd, surface, visible } from './driver';

const over = overStandIn();

const stamp = (ms: number) => new Date(Date.UTC(2026, 10, 23, 10) + ms).toISOString().replace('T', ' ').slice(0, 23);
const lines = (n: number, from = 0) => Array.from({ length: n }, (_, i) => `${stamp((from + i) * 250)} | ${(from + i) % 10 === 3 ? 'ERROR' : 'INFO '} | line ${String(from + i).padStart(5, '0')}`);

const open = async (page: Page, query = '', path = LOG) => {
  await page.goto(over.front.url + path + query);
  await page.locator('.row, .overlay').first().waitFor();
};
const edges = (page: Page) => page.locator('.row[data-edge]').evaluateAll((rows) => rows.map((r) => [(r as HTMLElement).dataset.edge, r.querySelector('.m')!.textContent]));

test('starred logs and those that were open last stand first, in the list and in the palette', async ({ page }) => {
  for (let i = 0; i < 9; i++) {
    const other = new MemoryLog();
    other.write(...lines(3));
    over.front.logs.set(`/srv/a/log-${i}.log`, other);
  }
  over.log.write(...lines(10));
  await open(page, '', '/srv/a/log-7.log');
  await atEnd(page, /line 00002/);
  await page.keyboard.press('*');
  await expect(page.getByRole('button', { name: 'Star /srv/a/log-7.log' })).toHaveAttribute('aria-pressed', 'true');
  await open(page, '', '/srv/a/log-5.log');
  await atEnd(page, /line 00002/);
  await page.goto(over.front.url);
  const rows = page.locator('tbody tr');
  await expect(rows.nth(0)).toHaveText('Starred');
  await expect(rows.nth(1)).toContainText('/srv/a/log-7.log');
  await expect(rows.nth(2)).toContainText('Opened last');
  await expect(rows.nth(3)).toContainText('/srv/a/log-5.log');
  await expect(rows.nth(4)).toHaveText(/^\/(srv\/a|var\/log)\/$/);
  // By the keyboard: the first is the starred one.
  await page.keyboard.press('ArrowDown');
  await expect(rows.nth(1)).toHaveClass(/chosen/);
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(`${over.front.url}/srv/a/log-7.log`);
  await page.locator('.row').first().waitFor();
  await page.keyboard.press('Control+k');
  const logs = page.locator('dialog.palette li', { hasText: /^\/srv|^\/var/ });
  await expect(logs.first()).toContainText('/srv/a/log-5.log');
  // A starred log that is not there any more is said to be gone; the star can be taken away.
  over.front.logs.delete('/srv/a/log-7.log');
  await page.goto(over.front.url);
  await expect(rows.nth(1)).toContainText('not there now');
  await rows.nth(1).getByRole('button').click();
  await expect(page.locator('tbody')).not.toContainText('log-7');
  await page.getByRole('button', { name: 'Forget' }).click();
  await expect(page.locator('tbody')).not.toContainText('Opened last');
});

test('a second tab knows of a star at once', async ({ page, context }) => {
  over.log.write(...lines(3));
  await page.goto(over.front.url);
  const other = await context.newPage();
  await other.goto(over.front.url + LOG);
  await other.getByRole('button', { name: `Star ${LOG}` }).click();
  await expect(page.locator('tbody tr').first()).toHaveText('Starred');
});

test('bookmarks are kept, marked at the edge, walked through and listed, also those that are not loaded', async ({ page }) => {
  over.log.write(...lines(6000));
  await open(page);
  await atEnd(page, /line 05999/);
  // Without a selected line, the newest is marked.
  await page.keyboard.press('b');
  await expect(page.locator('.row.kept .m')).toContainText('line 05999');
  await page.locator('.row', { hasText: 'line 05990' }).click();
  await page.keyboard.press('b');
  await expect(page.locator('.row.kept')).toHaveCount(2);
  // Far back in history.
  await page.keyboard.press('T');
  await page.keyboard.type(stamp(1000 * 250).slice(0, 19));
  await page.keyboard.press('Enter');
  await page.locator('.row', { hasText: 'line 01003' }).click();
  await page.keyboard.press('b');
  await expect(page.locator('.row.kept .m')).toContainText('line 01003');
  await page.reload();
  await atEnd(page, /line 05999/);
  await expect(page.locator('.row.kept')).toHaveCount(2);
  const chosen = page.locator('.row.selected .m');
  for (const wanted of ['line 05999', 'line 05990', 'line 01003']) {
    await page.keyboard.press('M');
    await expect(chosen).toContainText(wanted);
    await expect(chosen).toBeInViewport();
  }
  await page.keyboard.press('m');
  await expect(chosen).toContainText('line 05990');
  // The list, newest first.
  await page.keyboard.press('B');
  await expect(page.locator('.hit-row')).toHaveText([/05999/, /05990/, /01003/]);
  await page.locator('.hit-row').last().click();
  await expect(chosen).toContainText('line 01003');
  await page.getByRole('button', { name: /^Remove .*line 05990/ }).click();
  await expect(page.locator('.hit-row')).toHaveCount(2);
  await page.keyboard.press('Escape');
  await expect(page.locator('.hit-row')).toHaveCount(0);
  await page.keyboard.press('b');
  await expect(page.locator('.row.kept')).toHaveCount(0);
});

test('the edge shows the number of each line in the whole log, its time, or the time since the line before', async ({ page }) => {
  over.log.write(...lines(4000));
  await open(page);
  await atEnd(page, /line 03999/);
  await expect(page.locator('.row[data-edge]')).toHaveCount(0);
  const numbers = async () => {
    const found = await edges(page);
    return found.length > 10 && found.every(([edge, text]) => Number(edge) === Number(/line (\d+)/.exec(text!)![1]) + 1);
  };
  await page.keyboard.press('i');
  await expect.poll(numbers).toBe(true);
  over.log.write(...lines(30, 4000));
  await atEnd(page, /line 04029/);
  await expect.poll(numbers).toBe(true);
  // Elsewhere in history, and after the way back.
  await page.keyboard.press('T');
  await page.keyboard.type(stamp(1000 * 250).slice(0, 19));
  await page.keyboard.press('Enter');
  await expect(page.locator('.row', { hasText: 'line 01000' })).toBeInViewport();
  await expect.poll(numbers).toBe(true);
  await page.keyboard.press('End');
  await atEnd(page, /line 04029/);
  await expect.poll(numbers).toBe(true);
  // With a filter nobody knows it: then it is the byte in the file.
  await page.keyboard.press('f');
  await page.keyboard.type('ERROR');
  await page.keyboard.press('Enter');
  await atEnd(page, /line 04023/);
  await expect.poll(async () => (await edges(page)).every(([edge]) => /^@\d+$/.test(edge!))).toBe(true);
  await page.locator('.chip.include button').click();
  await page.keyboard.press('Escape');
  await page.keyboard.press('End');
  await atEnd(page, /line 04029/);
  await surface(page).focus();
  await page.keyboard.press('i');
  await expect.poll(async () => (await edges(page)).at(-1)![0]).toMatch(/^\d\d:16:47.250$/);
  await page.keyboard.press('i');
  await expect.poll(async () => (await edges(page)).at(-1)![0]).toBe('+250 ms');
  await page.reload();
  await expect.poll(async () => (await edges(page)).at(-1)?.[0]).toBe('+250 ms');
  await page.keyboard.press('i');
  await expect(page.locator('.row[data-edge]')).toHaveCount(0);
});

test('lines are copied with their colours, and with no other escape sequence; what stands at the edge is not copied', async ({ page, context }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  over.log.write('\x1b[1;31mred\x1b[0m and \x1b]52;c;AAAA\x07\x1b[2Jplain');
  await open(page);
  await page.keyboard.press('i');
  await page.keyboard.press('k');
  await page.keyboard.press('C');
  await expect.poll(() => page.evaluate(() => navigator.clipboard.readText())).toBe('\x1b[1;31mred\x1b[0m and plain');
  await page.keyboard.press('c');
  await expect.poll(() => page.evaluate(() => navigator.clipboard.readText())).toBe('red and plain');
});

test('filters say how many lines they let pass and keep away, and go on counting', async ({ page }) => {
  over.log.write(...lines(800));
  await open(page);
  await atEnd(page, /line 00799/);
  await page.keyboard.press('f');
  await page.keyboard.type('ERROR');
  await page.keyboard.press('Enter');
  await expect(page.locator('.chip.include b')).toHaveText('80');
  await page.locator('.finder select').selectOption('exclude');
  await page.keyboard.type('line 007[0-4]');
  await page.keyboard.press('Enter');
  await expect(page.locator('.chip.exclude b')).toHaveText('50');
  over.log.write(...lines(10, 700), ...lines(10, 800));
  await expect(page.locator('.chip.exclude b')).toHaveText('60');
  await expect(page.locator('.chip.include b')).toHaveText('82');
});

test('a finger on the edge of a line, or twice on a line, opens its details', async ({ browser }) => {
  const page = await browser.newPage({ viewport: { width: 390, height: 800 }, isMobile: true, hasTouch: true });
  over.log.write(...lines(100));
  await open(page);
  await atEnd(page, /line 00099/);
  const row = page.locator('.row', { hasText: 'line 00095' });
  await row.locator('.m').tap();
  await expect(row).toHaveClass(/selected/);
  await expect(page.locator('.drawer')).toHaveCount(0);
  await row.locator('.m').tap();
  await expect(page.locator('.drawer')).toContainText('line 00095');
  await page.getByRole('button', { name: 'Mark this line' }).tap();
  await expect(row).toHaveClass(/kept/);
  await page.getByRole('button', { name: 'Close', exact: true }).tap();
  await page.locator('.row', { hasText: 'line 00094' }).locator('.g').tap();
  await expect(page.locator('.drawer')).toContainText('line 00094');
  // Everything that keys do is in the menu.
  await page.getByRole('button', { name: 'Close', exact: true }).tap();
  await page.getByRole('button', { name: 'Commands' }).tap();
  await page.locator('dialog.palette li', { hasText: 'Bookmarks' }).tap();
  await expect(page.locator('.hit-row')).toHaveText([/00095/]);
  expect((await visible(page)).length).toBeGreaterThan(3);
  await page.close();
});
