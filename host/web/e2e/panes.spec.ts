// Several logs side by side, each with a place, a filter and a search of its own.

import { expect, test, type Page } from '@playwright/test';
import { MemoryLog, StandIn } from './standin';
import { guard } from './driver';

const A = '/var/log/a.log';
const B = '/var/log/b.log';
let front: StandIn;
let a: MemoryLog;
let b: MemoryLog;
let check: () => void;

const stamp = (s: number) => new Date(Date.UTC(2026, 10, 23, 10, 0, s)).toISOString().replace('T', ' ').slice(0, 23);
const lines = (who: string, n: number, every = 1) => Array.from({ length: n }, (_, i) => `${stamp(i * every)} | INFO | ${who} ${i}`);

test.beforeEach(async ({ page }) => {
  front = new StandIn();
  a = new MemoryLog();
  b = new MemoryLog();
  a.write(...lines('alpha', 3000));
  b.write(...lines('beta', 1500, 2));
  front.logs.set(A, a).set(B, b);
  await front.start();
  check = guard(page);
});
test.afterEach(async () => {
  check();
  await front.stop();
});

const pane = (page: Page, i: number) => page.locator('.pane').nth(i);
const last = (page: Page, i: number) => pane(page, i).locator('.row').last();
const selected = (page: Page, i: number) => pane(page, i).locator('.row.selected .m');

async function both(page: Page): Promise<void> {
  await page.goto(front.url + A);
  await expect(last(page, 0)).toContainText('alpha 2999');
  await page.keyboard.press('v');
  await page.keyboard.type('beside b.log'); // whether or not the list is there yet
  await page.keyboard.press('Enter');
  await expect(last(page, 1)).toContainText('beta 1499');
}

test('a log is opened beside another, which stays as it is; both follow, and the address has them', async ({ page }) => {
  await both(page);
  // The first has not been opened again.
  expect(front.connections).toBe(2);
  await expect(page).toHaveURL(`${front.url}${A}?beside=%2Fvar%2Flog%2Fb.log`);
  await expect(page).toHaveTitle('a.log · b.log · livetail');
  a.write('alpha new');
  b.write('beta new');
  await expect(last(page, 0)).toContainText('alpha new');
  await expect(last(page, 1)).toContainText('beta new');
  const left = (await pane(page, 0).boundingBox())!;
  const right = (await pane(page, 1).boundingBox())!;
  expect(Math.abs(left.x + left.width - right.x)).toBeLessThan(2);
  expect(Math.abs(left.width - right.width)).toBeLessThan(4);
  await page.reload();
  await expect(last(page, 0)).toContainText('alpha new');
  await expect(last(page, 1)).toContainText('beta new');
});

test('keys, filters and pauses are those of one pane, and stand in the address with it', async ({ page }) => {
  await both(page);
  // The one that was opened last has the keys.
  await page.keyboard.press(' ');
  await expect(pane(page, 1).locator('.pill')).toBeVisible();
  await expect(pane(page, 0).locator('.pill')).toHaveCount(0);
  await page.keyboard.press('f');
  await page.keyboard.type('beta 7');
  await page.keyboard.press('Enter');
  await expect(pane(page, 1).locator('.chip.include')).toHaveCount(1);
  await expect(pane(page, 0).locator('.chip.include')).toHaveCount(0);
  await page.keyboard.press('Escape');
  await page.keyboard.press('1');
  await page.keyboard.press('k');
  await expect(selected(page, 0)).toContainText('alpha');
  await expect(selected(page, 1)).toHaveCount(0);
  // A click brings keys along.
  await pane(page, 1).locator('.surface').click({ position: { x: 200, y: 100 } });
  await expect(pane(page, 1)).toHaveClass(/here/);
  await page.reload();
  await expect(pane(page, 1).locator('.chip.include')).toContainText('beta 7');
  await expect(last(page, 1)).toContainText('beta 799');
  await expect(last(page, 0)).toContainText('alpha 2999');
});

test('the time of a line is shown in the other logs', async ({ page }) => {
  await both(page);
  await page.keyboard.press('1');
  await pane(page, 0).locator('.row', { hasText: 'alpha 2990' }).click();
  await page.keyboard.press('y');
  await expect(selected(page, 1)).toContainText(`${stamp(2990)} | INFO | beta 1495`);
  // Also where it has to be read first.
  await page.keyboard.press('T');
  await page.keyboard.type(`${stamp(700).slice(0, 19)}`);
  await page.keyboard.press('Enter');
  await expect(pane(page, 0).locator('.row', { hasText: 'alpha 700' })).toBeInViewport();
  await pane(page, 0).locator('.row', { hasText: 'alpha 700' }).click();
  await page.keyboard.press('y');
  await expect(selected(page, 1)).toContainText('beta 350');
});

test('a log is closed, the rest stays; going back brings it back', async ({ page }) => {
  await both(page);
  await pane(page, 0).getByRole('button', { name: `Close this log: ${A}` }).click();
  await expect(page.locator('.pane')).toHaveCount(1);
  await expect(page).toHaveURL(front.url + B);
  await expect(last(page, 0)).toContainText('beta 1499');
  expect(front.connections).toBe(2);
  await page.goBack();
  await expect(page.locator('.pane')).toHaveCount(2);
  await expect(last(page, 0)).toContainText('alpha 2999');
  await page.goBack();
  await expect(page.locator('.pane')).toHaveCount(1);
  await expect(page).toHaveURL(front.url + A);
});

test('no more than four, and one above the other when that is wanted or the screen is narrow', async ({ page }) => {
  const query = [1, 2, 3, 4, 5].map((i) => `beside=${encodeURIComponent(`${B}?include=beta ${i}$`)}`).join('&');
  await page.goto(`${front.url}${A}?${query}`);
  await expect(page.locator('.pane')).toHaveCount(4);
  await page.goto(`${front.url}${A}?beside=${encodeURIComponent(B)}`);
  const boxes = async () => [(await pane(page, 0).boundingBox())!, (await pane(page, 1).boundingBox())!];
  await page.getByRole('button', { name: 'One above the other' }).click();
  let [one, two] = await boxes();
  expect([one.x, one.width]).toEqual([two.x, two.width]);
  expect(two.y).toBeGreaterThan(one.y + 100);
  await page.getByRole('button', { name: 'One above the other' }).click();
  await page.setViewportSize({ width: 390, height: 800 });
  [one, two] = await boxes();
  expect(one.x).toBe(two.x);
  expect(two.y).toBeGreaterThan(one.y + 100);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
});

test('full screen leaves the lines and their health, and ends by key or button', async ({ page }) => {
  await page.goto(front.url + A);
  await expect(last(page, 0)).toContainText('alpha 2999');
  await page.keyboard.press('F');
  await expect(page.locator('.bar')).toBeHidden();
  await expect(page.locator('.overview')).toBeHidden();
  await expect(page.locator('.strip')).toBeVisible();
  a.write('alpha new');
  await expect(last(page, 0)).toContainText('alpha new');
  await expect(last(page, 0)).toBeInViewport();
  await page.getByRole('button', { name: 'End full screen' }).click();
  await expect(page.locator('.bar')).toBeVisible();
  await page.keyboard.press('F');
  await expect(page.locator('.bar')).toBeHidden();
  await page.keyboard.press('F');
  await expect(page.locator('.bar')).toBeVisible();
});
