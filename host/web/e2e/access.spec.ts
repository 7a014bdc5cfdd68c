// The page is for everybody: on small screens, with a keyboard alone, with a screen reader.

import { expect, test } from '@playwright/test';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { MemoryLog } from './standin';
import { LOG, overStandIn } from './over';
import { atEnd, numbered } from './driver';

const over = overStandIn();

test('on a phone nothing sticks out, and touch targets are there', async ({ browser }) => {
  const page = await browser.newPage({ viewport: { width: 375, height: 700 }, isMobile: true, hasTouch: true });
  over.log.write(...numbered(300));
  await over.open(page);
  await atEnd(page, /000299/);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(375);
  expect(await page.evaluate(() => document.querySelector('.surface')!.scrollWidth - document.querySelector('.surface')!.clientWidth)).toBeLessThanOrEqual(1);
  await page.goto(over.front.url);
  await expect(page.locator('tbody a').first()).toBeVisible();
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(375);
  await page.close();
});

test('nothing serious for axe, in both themes', async ({ page }) => {
  const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
  const run = async (name: string) => {
    await page.evaluate(axe);
    const found = await page.evaluate(async () => {
      const { violations } = await (window as unknown as { axe: { run(): Promise<{ violations: { id: string; impact: string; nodes: { html: string; failureSummary: string }[] }[] }> } }).axe.run();
      return violations.filter((v) => v.impact === 'serious' || v.impact === 'critical').map((v) => `${v.id}: ${v.nodes.slice(0, 3).map((n) => `${n.html.slice(0, 160)} ${n.failureSummary.slice(0, 300)}`).join(' | ')}`);
    });
    expect(found, name).toEqual([]);
  };
  over.log.write('2020-09-17 08:59:00.123 | INFO | x', '2020-09-17 08:59:00.123 | WARNING | x', '2020-09-17 08:59:00.123 | ERROR | x', '2020-09-17 08:59:00.123 | DEBUG | x', '\x1b[31mred \x1b[32mgreen \x1b[33myellow \x1b[34mblue \x1b[35mmagenta \x1b[36mcyan \x1b[37mwhite \x1b[90mgrey\x1b[0m', '{"level":"warn","a":1,"msg":"m"}');
  over.log.rotate('app.1');
  over.log.mark({ t: 'gap', cause: 'deleted', certain: true, after: over.log.end, before: over.log.end });
  over.log.write('end');
  const other = new MemoryLog();
  other.write('2020-09-17 08:59:00.500 | INFO | y');
  over.front.logs.set('/var/log/other.log', other);
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    await page.goto(over.front.url);
    await page.locator('tbody a').first().waitFor();
    await run(`index ${colorScheme}`);
    await over.open(page);
    await page.mouse.move(0, 0);
    await run(`live ${colorScheme}`);
    await page.keyboard.press('x');
    await page.locator('.row .src').first().waitFor();
    await run(`summaries ${colorScheme}`);
    await page.keyboard.press('x');
    await page.keyboard.press('k');
    await page.keyboard.press('Enter');
    await page.locator('.drawer').waitFor();
    await run(`details ${colorScheme}`);
    await page.keyboard.press('Escape');
    await page.keyboard.press('s');
    await page.locator('.results input').fill('x');
    await page.keyboard.press('Enter');
    await page.locator('.hit-row').first().click();
    await run(`search ${colorScheme}`);
    await page.keyboard.press('Escape');
    await page.locator('.strip .why').click();
    await page.locator('.doctor .finding').first().waitFor();
    await run(`doctor ${colorScheme}`);
    await page.keyboard.press('Escape');
    await page.keyboard.press('T');
    await page.locator('.when input').waitFor();
    await run(`time ${colorScheme}`);
    await page.keyboard.press('Escape');
    await page.keyboard.press('Control+k');
    await page.locator('dialog.palette:not(.when) input').waitFor();
    await run(`palette ${colorScheme}`);
    await page.goto(`${over.front.url}${LOG}?with=/var/log/other.log`);
    await page.locator('.chip.log').nth(1).waitFor();
    await page.locator('.row').first().waitFor();
    await run(`merged ${colorScheme}`);
    await page.goto(`${over.front.url}${LOG}?exclude=nothing&beside=${encodeURIComponent('/var/log/other.log')}`);
    await page.locator('.pane').nth(1).locator('.row').first().waitFor();
    await page.keyboard.press('1');
    await page.keyboard.press('k');
    await page.keyboard.press('b');
    await page.keyboard.press('i');
    await page.keyboard.press('B');
    await page.locator('.hit-row').first().waitFor();
    await run(`side by side, bookmarks ${colorScheme}`);
    await page.keyboard.press('b'); // none is left for the next theme
    for (let i = 0; i < 3; i++) await page.keyboard.press('i');
    await page.keyboard.press('?');
    await page.locator('dialog.help[open]').waitFor();
    await run(`help ${colorScheme}`);
  }
});
