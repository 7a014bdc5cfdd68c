// The same journeys with the real front door, its real plugin process and real files.

import { expect, test, type Page } from '@playwright/test';
import { copyFileSync, renameSync, truncateSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { all, atEnd, expectSequence, guard, numbered, still, surface, visible } from './driver';
import { hostile, invalid } from './hostile';
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

test('it lists, opens and follows a log', async ({ page }) => {
  lt.write('app.log', ...numbered(1500));
  lt.write('日志.log', '2020-09-17 08:59:00.123 | INFO     | __main__:<module>:30 - 你好aaa');
  await page.goto(lt.url);
  await page.getByText('app.log').click();
  await atEnd(page, /001499/);
  await expect(page.locator('.lamp')).toHaveText('Connected');
  lt.write('app.log', ...numbered(10, 1500));
  await atEnd(page, /001509/);
  expectSequence(await all(page), 0, 1510);
  await page.locator('.home').click();
  await page.getByText('日志.log').click();
  await atEnd(page, /你好aaa/);
  lt.write('日志.log', '再见 ✓');
  await atEnd(page, /再见 ✓/);
});

test('rotation under the view: every line once, and a mark where it happened', async ({ page }) => {
  lt.write('app.log', ...numbered(50));
  await open(page, 'app.log');
  await atEnd(page, /000049/);
  let n = 50;
  for (let r = 1; r <= 5; r++) {
    lt.write('app.log', ...numbered(20, n));
    renameSync(lt.path('app.log'), lt.path(`app.log.${6 - r}`));
    lt.write('app.log', ...numbered(20, n + 20));
    n += 40;
    await atEnd(page, new RegExp(String(n - 1).padStart(6, '0')));
  }
  const rows = await all(page);
  expectSequence(rows, 0, n);
  expect(rows.filter((r) => r === '[mark-boundary]')).toHaveLength(5);
  await expect(page.locator('.strip .gaps')).toHaveText('no gaps');
});

test('a file emptied in place is shown as such', async ({ page }) => {
  lt.write('app.log', ...numbered(50));
  await open(page, 'app.log');
  await atEnd(page, /000049/);
  copyFileSync(lt.path('app.log'), lt.path('app.log.1'));
  truncateSync(lt.path('app.log'));
  lt.write('app.log', ...numbered(5, 50));
  await atEnd(page, /000054/);
  expectSequence(await all(page), 0, 55);
  await expect(page.locator('.mark-boundary, .mark-maybe').first()).toBeVisible();
});

test('the front door is killed while lines are written: every line once', async ({ page }) => {
  lt.write('app.log', ...numbered(100));
  await open(page, 'app.log');
  await atEnd(page, /000099/);
  let n = 100;
  for (let round = 0; round < 3; round++) {
    lt.write('app.log', ...numbered(100, n));
    await lt.kill();
    lt.write('app.log', ...numbered(100, n + 100));
    if (round === 1) renameSync(lt.path('app.log'), lt.path('app.log.1'));
    await expect(page.locator('.lamp')).toContainText('Reconnecting');
    lt.write('app.log', ...numbered(100, n + 200));
    await lt.start();
    n += 300;
    await atEnd(page, new RegExp(String(n - 1).padStart(6, '0')));
  }
  expectSequence(await all(page), 0, n);
});

test('the plugin is killed while lines are written: the connection stays, every line once', async ({ page }) => {
  lt.write('app.log', ...numbered(100));
  await open(page, 'app.log');
  await atEnd(page, /000099/);
  let n = 100;
  for (let round = 0; round < 5; round++) {
    lt.write('app.log', ...numbered(50, n));
    lt.killPlugin();
    lt.write('app.log', ...numbered(50, n + 50));
    n += 100;
    await atEnd(page, new RegExp(String(n - 1).padStart(6, '0')));
  }
  const rows = await all(page);
  expectSequence(rows, 0, n);
  expect(rows.filter((r) => r === '[mark-resumed]')).toEqual([]);
  await expect(page.locator('.lamp')).toHaveText('Connected');
});

test('scroll back through rotated and compressed generations, while it is live', async ({ page }) => {
  test.setTimeout(120_000);
  writeFileSync(lt.path('app.log.2.gz'), gzipSync(numbered(3000).map((l) => `${l}\n`).join('')));
  lt.write('app.log.1', ...numbered(3000, 3000));
  lt.write('app.log', ...numbered(500, 6000));
  await open(page, 'app.log');
  await atEnd(page, /006499/);
  lt.write('app.log', ...numbered(10, 6500));
  const rows = await all(page);
  expectSequence(rows, 0, 6510);
});

test('a link to a line survives rotation', async ({ page, context }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  lt.write('app.log', ...numbered(3000));
  await open(page, 'app.log');
  await atEnd(page, /002999/);
  for (let i = 0; i < 5; i++) await page.keyboard.press('k');
  // What a key does is painted with the next frame.
  await page.evaluate(() => new Promise((painted) => requestAnimationFrame(() => requestAnimationFrame(painted))));
  const text = await page.locator('.row.selected .m').textContent();
  await page.keyboard.press('l');
  const copied = () => page.evaluate(() => navigator.clipboard.readText());
  await expect.poll(copied).toContain('/app.log?'); // What an earlier journey copied may still be there.
  const link = await copied();
  renameSync(lt.path('app.log'), lt.path('app.log.1'));
  lt.write('app.log', ...numbered(2000, 3000));
  await page.goto('about:blank');
  await page.goto(link);
  await expect(page.locator('.row.at .m')).toHaveText(text!);
  await expect(page.locator('.row.at')).toBeInViewport();
});

test('the server filters history and what comes', async ({ page }) => {
  lt.write('app.log', ...Array.from({ length: 5000 }, (_, i) => `line ${String(i).padStart(6, '0')} ${i % 50 === 0 ? 'ERROR' : 'INFO'} x`));
  await open(page, 'app.log');
  await atEnd(page, /004999/);
  await page.keyboard.press('f');
  await page.keyboard.type('ERR.R');
  await page.keyboard.press('Enter');
  await atEnd(page, /004950 ERROR/);
  lt.write('app.log', 'line 005000 INFO no', 'line 005001 ERROR yes');
  await atEnd(page, /005001 ERROR yes/);
  const rows = await all(page);
  expect(rows).toHaveLength(101);
  await page.keyboard.press('f');
  await page.keyboard.type('(?=lookahead)');
  await page.keyboard.press('Enter');
  await expect(page.locator('.chip.bad')).toContainText('Filter not accepted');
  await page.reload();
  await atEnd(page, /005001 ERROR yes/);
});

test('what may not be opened and what does not exist explain themselves', async ({ page }) => {
  await page.goto(`${lt.url}/etc/passwd`);
  await expect(page.locator('.overlay')).toContainText('may not be opened');
  await expect(page.locator('.overlay')).toContainText(lt.dir);
  await open(page, 'later.log');
  await expect(page.locator('.overlay')).toContainText('There is no such log');
  await page.getByRole('button', { name: 'Wait for it' }).click();
  await expect(page.locator('.lamp')).toHaveText('Connected');
  lt.write('later.log', 'now it is there');
  await atEnd(page, /now it is there/);
});

test('a hidden rush: paused over far more lines than are held, nothing is lost', async ({ page }) => {
  test.setTimeout(120_000);
  lt.write('app.log', ...numbered(1000));
  await open(page, 'app.log');
  await atEnd(page, /000999/);
  await surface(page).hover();
  await page.mouse.wheel(0, -500);
  await expect(page.locator('.pill')).toBeVisible();
  await still(page);
  const before = await visible(page);
  for (let i = 0; i < 70; i++) lt.write('app.log', ...numbered(1000, 1000 + i * 1000));
  await expect(page.locator('.pill')).toHaveText('70,000 new', { timeout: 30_000 });
  expect(await visible(page)).toEqual(before);
  await expect(page.locator('.away')).toBeVisible();
  // Down from here the log goes on without a hole.
  const next = await page.evaluate(async () => {
    const s = document.querySelector('.surface')!;
    const seen = new Set<number>();
    for (let i = 0; i < 400; i++) {
      s.scrollTop += s.clientHeight * 0.9;
      await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
      document.querySelectorAll('.row .m').forEach((m) => seen.add(Number(m.textContent!.slice(5, 11))));
    }
    return [...seen].sort((a, b) => a - b);
  });
  expect(next.every((n, i) => i === 0 || n === next[i - 1] + 1)).toBe(true);
  await page.keyboard.press('End');
  await atEnd(page, /070999/);
});

test('far more lines at once than a page can show: it stays at the end, and scrolling up finds the rest', async ({ page }) => {
  test.setTimeout(120_000);
  lt.write('app.log', ...numbered(1000));
  await open(page, 'app.log');
  await atEnd(page, /000999/);
  for (let i = 0; i < 30; i++) lt.write('app.log', ...numbered(10_000, 1000 + i * 10_000));
  await atEnd(page, /300999/);
  await surface(page).hover();
  await page.mouse.wheel(0, -300);
  await expect(page.locator('.pill')).toBeVisible();
  const seen = await page.evaluate(async () => {
    const s = document.querySelector('.surface')!;
    const seen = new Set<number>();
    // Upwards in great steps, beyond the 50,000 lines that are held; each stretch on the way is whole.
    for (let i = 0; i < 160; i++) {
      s.scrollTop -= s.clientHeight * (i % 20 === 0 ? 300 : 0.9);
      await new Promise((done) => setTimeout(done, i % 20 === 0 ? 400 : 30));
      const rows = [...document.querySelectorAll<HTMLElement>('.row')].map((r) => Number(r.querySelector('.m')!.textContent!.slice(5, 11)));
      if (rows.some((n, k) => k > 0 && n !== rows[k - 1] + 1)) return `torn at ${rows.join(' ')}`;
      rows.forEach((n) => seen.add(n));
    }
    return Math.min(...seen);
  });
  expect(seen).toBeLessThan(300_999 - 50_000 + 20_000);
  await page.keyboard.press('End');
  await atEnd(page, /300999/);
});

test('hostile bytes from a real file stay text', async ({ page }) => {
  test.setTimeout(120_000);
  const lines = hostile();
  lt.write('evil.log', ...lines, ...invalid, 'x'.repeat(1 << 20), 'the end');
  await open(page, 'evil.log', '?lines=3000');
  await atEnd(page, /the end/);
  const rows = await all(page);
  expect(rows).toHaveLength(lines.length + invalid.length + 2);
  expect(rows.join('')).not.toMatch(/[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/);
  const strange = await page.evaluate(() => [...document.querySelectorAll('.surface *')].filter((e) => !['DIV', 'SPAN', 'B'].includes(e.tagName)).length);
  expect(strange).toBe(0);
  expect(await page.evaluate(() => (window as { pwned?: number }).pwned)).toBeUndefined();
  expect(await page.locator('script').count()).toBe(1);
  await expect(page.locator('.lamp')).toHaveText('Connected');
});

test('under a base path everything is found', async ({ page }) => {
  await lt.kill();
  await lt.start('--base-path', '/tools/logs');
  lt.write('app.log', ...numbered(20));
  await page.goto(`${lt.url}/tools/logs/`);
  await page.getByText('app.log').click();
  await expect(page).toHaveURL(`${lt.url}/tools/logs${lt.path('app.log')}`);
  await atEnd(page, /000019/);
  await page.reload();
  await atEnd(page, /000019/);
  await page.locator('.home').click();
  await expect(page.getByText('app.log')).toBeVisible();
});

test('with credentials the page asks once, and the stream is let in', async ({ browser, request }) => {
  const made = lt.token('alice');
  await lt.kill();
  await lt.start('--token-file', made.file);
  lt.write('app.log', ...numbered(20));
  expect((await request.get(lt.url)).status()).toBe(401);
  const context = await browser.newContext({ httpCredentials: { username: 'alice', password: made.token } });
  const page = await context.newPage();
  await page.goto(lt.url);
  await page.getByText('app.log').click();
  await atEnd(page, /000019/);
  await lt.kill();
  lt.write('app.log', ...numbered(20, 20));
  await lt.start('--token-file', made.file);
  await atEnd(page, /000039/);
  expectSequence(await all(page), 0, 40);
  await context.close();
});

test('the page comes with its policy, and with nothing from elsewhere', async ({ page, request }) => {
  const response = await request.get(lt.url, { headers: { Accept: 'text/html' } });
  const csp = response.headers()['content-security-policy'];
  expect(csp).toContain("default-src 'none'");
  expect(csp).toContain("require-trusted-types-for 'script'");
  await page.goto(lt.url);
  expect(await page.evaluate(() => {
    try {
      document.createElement('div').innerHTML = '<b>x</b>';
      return 'allowed';
    } catch {
      return 'refused';
    }
  })).toBe('refused');
});
