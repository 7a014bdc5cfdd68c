// Pictures for the documentation, made from a page that runs.

import { test } from '@playwright/test';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { MemoryLog, StandIn } from './standin';
import { sample } from './samples';

const OUT = process.env.PICTURES ?? join(import.meta.dirname, '..', '..', '..', 'docs', 'pictures');
const APP = '/var/log/shop/app.log';

let front: StandIn;
let log: MemoryLog;

test.beforeAll(async () => {
  mkdirSync(OUT, { recursive: true });
  front = new StandIn();
  await front.start();
});
test.afterAll(() => front.stop());

/** Lines of another program, at about the times of the first. */
function worker(i: number, n: number): string {
  const t = new Date(new Date(2026, 10, 23, 9, 36, 58).getTime() - (n - i) * 410);
  const two = (x: number) => String(x).padStart(2, '0');
  const level = i % 31 === 7 ? 'ERROR   ' : i % 17 === 3 ? 'WARNING ' : 'INFO    ';
  return `2026-11-23 ${two(t.getHours())}:${two(t.getMinutes())}:${two(t.getSeconds())}.${String(t.getMilliseconds()).padStart(3, '0')} | ${level} | worker:run:${40 + (i % 9)} - ${level === 'ERROR   ' ? 'job failed, tried again in 5 s' : level === 'WARNING ' ? 'queue is 80 % full' : 'job done'} id=${5000 + i}`;
}

function fill(): void {
  front.logs.clear();
  const others: [string, number, number][] = [['/srv/data/import.log', 20000, 3], ['/var/log/nginx/access.log', 4000, 6], ['/var/log/nginx/error.log', 12, 1], ['/var/log/shop/worker.log', 900, 2]];
  for (const [name, lines, generations] of others) {
    const other = new MemoryLog();
    other.gen = `g${generations}`;
    for (let i = 0; i < lines; i++) other.write(name.includes('worker') ? worker(i, lines) : sample(i));
    other.modified = new Date(Date.now() - lines * 997);
    front.logs.set(name, other);
  }
  log = new MemoryLog();
  front.logs.set(APP, log);
  for (let i = 0; i < 3000; i++) {
    if (i === 2991) log.rotate('app-2026-11-23T09-36-21.log');
    if (i === 2997) log.mark({ t: 'gap', cause: 'deleted', certain: true, after: log.end, before: log.end, generations: 2, bytes: null, min_bytes: null, lines: null, evidence: ['two directory entries were created and removed between two looks'] });
    log.write(sample(i));
  }
}

test('pictures', async ({ browser }) => {
  for (const scheme of ['light', 'dark'] as const) {
    fill();
    const page = await browser.newPage({ colorScheme: scheme, viewport: { width: 1280, height: 800 }, deviceScaleFactor: 1 });
    page.on('console', (m) => console.log(m.type(), m.text()));
    page.on('pageerror', (e) => console.log(e.message, e.stack));
    const suffix = scheme === 'dark' ? '-dark' : '';
    await page.goto(front.url);
    await page.evaluate(() => {
      localStorage.setItem('livetail.starred/', JSON.stringify(['/var/log/shop/app.log']));
      localStorage.setItem('livetail.recent/', JSON.stringify(['/var/log/nginx/error.log']));
    });
    await page.reload();
    await page.getByText('access.log').waitFor();
    await page.screenshot({ path: join(OUT, `index${suffix}.png`) });
    await page.goto(front.url + APP);
    await page.locator('.row').first().waitFor();
    for (let i = 3000; i < 3020; i++) {
      log.write(sample(i));
      await page.waitForTimeout(40);
    }
    await page.locator('.timebar .span').selectOption({ index: 1 });
    await page.waitForTimeout(1600);
    await page.screenshot({ path: join(OUT, `live${suffix}.png`) });
    await page.keyboard.press('/');
    await page.keyboard.type('declined');
    await page.keyboard.press('Enter');
    await page.keyboard.press('Escape');
    await page.mouse.move(500, 400);
    await page.mouse.wheel(0, -200);
    for (let i = 3020; i < 3061; i++) log.write(sample(i));
    await page.waitForTimeout(800);
    await page.screenshot({ path: join(OUT, `paused${suffix}.png`) });
    await page.keyboard.press('s');
    await page.locator('.hit-row').nth(6).click();
    await page.locator('.hit-row.chosen').waitFor();
    await page.mouse.move(200, 300);
    await page.waitForTimeout(700);
    await page.screenshot({ path: join(OUT, `search${suffix}.png`) });
    await page.keyboard.press('Escape');
    // A structured line with its fields, words marked, and the palette.
    await page.keyboard.press('Escape');
    await page.keyboard.press('Escape');
    await page.evaluate(() => history.replaceState(null, '', `${location.pathname}?mark=refused&mark=accepted`));
    await page.reload();
    await page.locator('.chip.level').first().waitFor();
    await page.waitForTimeout(600);
    await page.locator('.row', { hasText: '"path"' }).last().click();
    await page.keyboard.press('Enter');
    await page.locator('.fields').waitFor();
    await page.waitForTimeout(900);
    await page.screenshot({ path: join(OUT, `details${suffix}.png`) });
    await page.goto(`${front.url}${APP}?with=/var/log/shop/worker.log`);
    await page.locator('.row.part1').first().waitFor();
    await page.waitForTimeout(900);
    await page.screenshot({ path: join(OUT, `merged${suffix}.png`) });
    // Side by side, with bookmarks, times at the edge, and a filter in one of them.
    await page.goto(`${front.url}${APP}?exclude=DEBUG&beside=${encodeURIComponent('/var/log/shop/worker.log')}`);
    await page.locator('.pane').nth(1).locator('.row').first().waitFor();
    await page.locator('.chip.exclude b').waitFor();
    await page.keyboard.press('1');
    await page.locator('.pane').nth(0).locator('.row', { hasText: 'declined' }).last().click();
    await page.keyboard.press('b');
    await page.keyboard.press('y');
    await page.locator('.pane').nth(1).locator('.row.selected').waitFor();
    for (let i = 0; i < 3; i++) await page.keyboard.press('i');
    await page.waitForTimeout(900);
    await page.screenshot({ path: join(OUT, `beside${suffix}.png`) });
    await page.keyboard.press('i');
    await page.keyboard.press('B');
    await page.waitForTimeout(300);
    if (process.env.PICTURES) await page.screenshot({ path: join(OUT, `bookmarks${suffix}.png`) });
    await page.keyboard.press('Escape');
    await page.keyboard.press('v');
    await page.waitForTimeout(300);
    if (process.env.PICTURES) await page.screenshot({ path: join(OUT, `adding${suffix}.png`) });
    await page.keyboard.press('Escape');
    await page.keyboard.press('F');
    await page.waitForTimeout(500);
    if (process.env.PICTURES) await page.screenshot({ path: join(OUT, `full${suffix}.png`) });
    await page.keyboard.press('F');
    await page.keyboard.press('Control+k');
    await page.waitForTimeout(300);
    if (process.env.PICTURES) await page.screenshot({ path: join(OUT, `palette${suffix}.png`) });
    await page.keyboard.press('Escape');
    await page.keyboard.press('?');
    await page.waitForTimeout(300);
    if (process.env.PICTURES) await page.screenshot({ path: join(OUT, `help${suffix}.png`) });
    await page.close();
  }
  fill();
  const phone = await browser.newPage({ viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true, locale: 'zh-CN' });
  await phone.goto(front.url + APP);
  await phone.locator('.row').first().waitFor();
  await phone.waitForTimeout(3000);
  await phone.screenshot({ path: join(OUT, 'phone.png') });
  if (process.env.PICTURES) {
    await phone.goto(`${front.url}${APP}?beside=${encodeURIComponent('/var/log/shop/worker.log')}`);
    await phone.waitForTimeout(900);
    await phone.screenshot({ path: join(OUT, 'phone-beside.png') });
    await phone.goto(front.url);
    await phone.waitForTimeout(600);
    await phone.screenshot({ path: join(OUT, 'phone-index.png') });
    await phone.goto(`${front.url}/etc/shadow`);
    await phone.waitForTimeout(600);
    await phone.screenshot({ path: join(OUT, 'phone-refused.png') });
  }
  await phone.close();
});
