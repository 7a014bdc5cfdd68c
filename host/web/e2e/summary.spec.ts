// Structured lines as summaries.

import { expect, test } from '@playwright/test';
import { hostile } from './hostile';
import { overStandIn } from './over';
import { all, atEnd, surface, visible } from './driver';

const over = overStandIn();
const json = (n: number, more = {}) => JSON.stringify({ service: 'shop', user: { id: n, name: 'ü', roles: Array.from({ length: 30 }, (_, i) => `role${i}`) }, msg: `order ${n}`, level: n % 4 === 3 ? 'error' : 'info', time: `2026-11-26T10:00:0${n % 10}Z`, ...more });

test('structured lines are shown short, and found, copied, linked to and filtered as they are', async ({ page, context }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  over.log.write(...Array.from({ length: 8 }, (_, n) => json(n)), 'time=10:01 level=warn msg="queue is \\"full\\"" size=900', 'plain k=v, nothing else', json(9, { hidden: { in: { deep: 'needle', x: 'z'.repeat(90) } } }));
  await over.open(page);
  await atEnd(page, /needle/);
  const texts = async () => (await visible(page)).map((r) => r.text);
  const raw = await texts();
  await page.keyboard.press('x');
  await expect.poll(texts).toEqual([
    ...Array.from({ length: 8 }, (_, n) => `2026-11-26T10:00:0${n}Z ${n % 4 === 3 ? 'error' : 'info'} order ${n} service=shop user={…3}`),
    '10:01 warn queue is "full" size=900', 'plain k=v, nothing else', '2026-11-26T10:00:09Z info order 9 service=shop user={…3} hidden={…1}',
  ]);
  if (process.env.PICTURES) await page.screenshot({ path: `${process.env.PICTURES}/summary.png` });
  // What is looked for is shown where it is, although the summary leaves it out.
  await page.keyboard.press('/');
  await page.keyboard.type('needle');
  await expect(page.locator('.row .hit')).toHaveText('needle');
  await expect(page.locator('.hits')).toContainText('1');
  // What is shown and not in the line as such is found as well.
  await page.locator('.finder input').fill('is "full"');
  await expect(page.locator('.row .hit')).toHaveText('is "full"');
  await page.keyboard.press('Enter');
  await expect(page.locator('.row.selected .m')).toHaveText('10:01 warn queue is "full" size=900');
  // Copied is the line.
  await surface(page).focus();
  await page.keyboard.press('c');
  await expect.poll(() => page.evaluate(() => navigator.clipboard.readText())).toBe(raw[8]);
  const select = (from: number, to: number) => page.evaluate(([a, b]) => {
    const rows = [...document.querySelectorAll('.row .m')];
    getSelection()!.setBaseAndExtent(rows[a], 0, rows[b], rows[b].childNodes.length);
  }, [from, to]);
  for (const [from, to] of [[2, 2], [1, 4]]) {
    await select(from, to);
    await page.keyboard.press('Control+c');
    await expect.poll(() => page.evaluate(() => navigator.clipboard.readText())).toBe(raw.slice(from, to + 1).join('\n'));
  }
  // A part that stands in the line just so is copied as it is.
  await page.evaluate(() => {
    const value = [...document.querySelectorAll('.row .w1')][0];
    getSelection()!.selectAllChildren(value);
  });
  await page.keyboard.press('Control+c');
  await expect.poll(() => page.evaluate(() => navigator.clipboard.readText())).toBe('shop');
  // The choice is kept; the details have it all.
  await page.reload();
  await page.locator('.row').first().waitFor();
  await expect.poll(texts).toContain('2026-11-26T10:00:02Z info order 2 service=shop user={…3}');
  await page.locator('.row', { hasText: 'order 2 ' }).locator('.g').click();
  await expect(page.locator('.drawer pre')).toHaveText(raw[2]);
  await page.getByRole('button', { name: 'Show only lines with this: order 2' }).click();
  await expect.poll(texts).toEqual(['2026-11-26T10:00:02Z info order 2 service=shop user={…3}']);
  await page.keyboard.press('Escape');
  await page.keyboard.press('x');
  await expect.poll(texts).toEqual([raw[2]]);
});

test('wrapped summaries take the rows that they need, and hostile lines stay text', async ({ page }) => {
  over.log.write(...hostile(), ...hostile().map((text) => JSON.stringify({ msg: text, n: 1, text })), 'the end');
  await over.open(page, '?lines=10000');
  await atEnd(page, /the end/);
  await page.keyboard.press('x');
  await page.keyboard.press('z');
  await page.keyboard.press('End');
  const rows = await all(page);
  expect(rows).toHaveLength(2 * hostile().length + 1);
  expect(rows.join('')).not.toMatch(/[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/);
  expect(await page.evaluate(() => [...document.querySelectorAll('.surface *')].map((e) => e.tagName).filter((name) => !['DIV', 'SPAN', 'B'].includes(name)))).toEqual([]);
  const places = await visible(page);
  for (let i = 1; i < places.length; i++) expect(places[i].top).toBeGreaterThan(places[i - 1].top);
});
