// Journeys through the page over a stand-in, which makes events happen that are rare in a real log.

import { expect, test } from '@playwright/test';
import { MemoryLog } from './standin';
import { LOG, overStandIn } from './over';
import { hostile } from './hostile';
import { all, atEnd, expectSequence, numbered, still, surface, visible } from './driver';

const over = overStandIn();

test('the index finds a log by typing and opens it', async ({ page }) => {
  over.log.write(...numbered(10));
  for (const name of ['/srv/other.log', '/var/log/nginx/access.log']) {
    const other = new MemoryLog();
    other.write('x');
    over.front.logs.set(name, other);
  }
  await page.goto(over.front.url);
  await expect(page.locator('tbody a')).toHaveCount(3);
  await page.keyboard.type('app');
  await expect(page.locator('tbody a')).toHaveCount(1);
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(over.front.url + LOG);
  await atEnd(page, /line 000009/);
  await page.goBack();
  await expect(page.locator('tbody a').first()).toBeVisible();
});

test('it follows, the wheel pauses without losing or moving anything, End resumes', async ({ page }) => {
  over.log.write(...numbered(500));
  await over.open(page);
  await atEnd(page, /000499/);
  over.log.write(...numbered(20, 500));
  await atEnd(page, /000519/);
  await surface(page).hover();
  await page.mouse.wheel(0, -400);
  await expect(page.locator('.pill')).toBeVisible();
  await still(page);
  const before = await visible(page);
  over.log.write(...numbered(318, 520));
  await expect(page.locator('.pill')).toHaveText('318 new');
  expect(await visible(page)).toEqual(before);
  await page.keyboard.press('End');
  await atEnd(page, /000837/);
  await expect(page.locator('.pill')).toHaveCount(0);
  expectSequence(await all(page), 0, 838);
});

test('pausing by key, click or button leaves everything where it is', async ({ page }) => {
  over.log.write(...numbered(3000));
  await over.open(page);
  await atEnd(page, /002999/);
  await expect(page.locator('.chip.level')).toHaveCount(1);
  const before = (await visible(page)).map((r) => [r.text, r.top]);
  const ways = [() => page.keyboard.press(' '), () => page.locator('.row').nth(20).click(), () => page.locator('.tool.state').click()];
  for (const way of ways) {
    await way();
    await expect(page.locator('.pill')).toBeVisible();
    expect((await visible(page)).map((r) => [r.text, r.top])).toEqual(before);
    await page.keyboard.press('End');
    await expect(page.locator('.pill')).toHaveCount(0);
    await expect.poll(async () => (await visible(page)).map((r) => [r.text, r.top])).toEqual(before);
  }
});

test('the line that is clicked is the line that is selected', async ({ page }) => {
  over.log.write(...numbered(3000));
  for (let i = 0; i < 4; i++) {
    await page.goto(`${over.front.url}${LOG}?mark=x${i}`);
    await page.locator('.row', { hasText: '002984' }).last().click();
    await expect(page.locator('.row.selected .m')).toContainText('002984');
    await page.keyboard.press('Enter');
    await expect(page.locator('.drawer pre')).toContainText('002984');
    await page.locator('.row', { hasText: '002990' }).click();
    await expect(page.locator('.drawer pre')).toContainText('002990');
  }
});

test('scrolling down to the end resumes', async ({ page }) => {
  over.log.write(...numbered(500));
  await over.open(page);
  await surface(page).hover();
  await page.mouse.wheel(0, -600);
  await expect(page.locator('.pill')).toBeVisible();
  await page.mouse.wheel(0, 4000);
  await expect(page.locator('.pill')).toHaveCount(0);
  over.log.write('line 000500 after');
  await atEnd(page, /after/);
});

test('a broken connection is resumed at the byte: each line once', async ({ page }) => {
  over.log.write(...numbered(100));
  await over.open(page);
  await atEnd(page, /000099/);
  for (let round = 0; round < 3; round++) {
    over.front.cut();
    over.log.write(...numbered(50, 100 + round * 50));
    await atEnd(page, new RegExp(String(149 + round * 50)));
  }
  const rows = await all(page);
  expectSequence(rows, 0, 250);
  expect(rows.filter((r) => r === '[mark-resumed]')).toHaveLength(3);
});

test('it scrolls back to the first line of a long log, through all generations, and down again', async ({ page }) => {
  test.setTimeout(120_000);
  for (let g = 0; g < 3; g++) {
    over.log.write(...numbered(4000, g * 4000));
    over.log.rotate(`app.log.${g}`);
  }
  over.log.write(...numbered(100, 12_000));
  await over.open(page);
  const rows = await all(page);
  expectSequence(rows, 0, 12_100);
  expect(rows.filter((r) => r === '[mark-boundary]')).toHaveLength(3);
  expect(await page.locator('.row').count()).toBeLessThan(200);
});

test('marks say what happened, at their place', async ({ page }) => {
  over.log.write('before');
  over.log.rotate('app-1.log');
  over.log.write('between');
  over.log.mark({ t: 'gap', cause: 'deleted', certain: true, after: over.log.end, before: over.log.end, generations: 2, bytes: null, min_bytes: 4096, lines: null, evidence: ['seen and gone'] });
  over.log.mark({ t: 'gap', cause: 'copy_window', certain: false, after: over.log.end, before: over.log.end });
  over.log.mark({ t: 'late', start: 'g1.7', end: 'g1.12', text: 'late\n' });
  over.log.write('after');
  await over.open(page);
  await atEnd(page, /after/);
  expect(await all(page)).toEqual(['before', '[mark-boundary]', 'between', '[mark-gap]', '[mark-maybe]', 'late', 'after']);
  await expect(page.locator('.mark-gap')).toHaveText(/Lines are missing.*deleted before it could be opened.*at least 4.0 KB.*2 files/);
  await expect(page.locator('.mark-maybe')).toHaveText(/may be missing.*how much is unknown/);
  await expect(page.locator('.row.late .badge')).toHaveText('late');
  await expect(page.locator('.strip .gaps')).toHaveText('2 gaps');
  await page.locator('.mark-gap').click();
  await expect(page.locator('.drawer')).toContainText('seen and gone');
});

test('a gap in history counts once it is seen', async ({ page }) => {
  over.log.write(...numbered(100));
  over.log.mark({ t: 'gap', cause: 'evicted', certain: true, after: over.log.end, before: over.log.end });
  over.log.write(...numbered(3000, 100));
  await over.open(page);
  await atEnd(page, /003099/);
  await expect(page.locator('.strip .gaps')).toHaveText('no gaps');
  const rows = await all(page);
  expectSequence(rows, 0, 3100);
  expect(rows.filter((r) => r === '[mark-gap]')).toHaveLength(1);
  await expect(page.locator('.strip .gaps')).toHaveText('1 gap');
});

test('a refusal explains itself, and a missing log can be waited for', async ({ page }) => {
  await over.open(page, '', '/var/log/none.log');
  await expect(page.locator('.overlay')).toContainText('There is no such log');
  over.front.logs.set('/var/log/none.log', new MemoryLog());
  over.front.logs.get('/var/log/none.log')!.write('here it is');
  await page.getByRole('button', { name: 'Wait for it' }).click();
  await atEnd(page, /here it is/);
  over.front.refuse = { code: 'not_allowed', message: 'The path is none that may be followed.' };
  await page.goto(`${over.front.url}/etc/shadow`);
  await expect(page.locator('.overlay')).toContainText('may not be opened');
  expect(over.front.connections).toBe(3);
});

test('a plugin that restarts is told from a connection that breaks', async ({ page }) => {
  over.log.write('x');
  await over.open(page);
  await expect(page.locator('.lamp')).toHaveText('Connected');
  over.front.tell({ t: 'status', plugin: 'restarting' });
  await expect(page.locator('.lamp')).toHaveText('Reader restarting');
  over.front.tell({ t: 'status', plugin: 'up' });
  await expect(page.locator('.lamp')).toHaveText('Connected');
});

test('the server filters, and the place is kept', async ({ page }) => {
  for (let i = 0; i < 3000; i++) over.log.write(`line ${String(i).padStart(6, '0')} ${i % 10 === 0 ? 'ERROR' : 'INFO'} x`);
  await over.open(page);
  await atEnd(page, /002999/);
  await page.keyboard.press('f');
  await page.keyboard.type('ERROR');
  await page.keyboard.press('Enter');
  await atEnd(page, /002990 ERROR/);
  await expect(page).toHaveURL(/include=ERROR/);
  over.log.write('line 003000 ERROR live', 'line 003001 INFO hidden');
  await atEnd(page, /003000 ERROR live/);
  const rows = await all(page);
  expect(rows).toHaveLength(301);
  await page.locator('.chip.include button').click();
  await page.keyboard.press('End');
  await atEnd(page, /003001/);
  // While reading further up, the lines around the place stay.
  await surface(page).hover();
  await page.mouse.wheel(0, -3000);
  await still(page);
  const place = Number((await visible(page))[5].text.slice(5, 11));
  await page.keyboard.press('f');
  await page.keyboard.type('ERROR');
  await page.keyboard.press('Enter');
  await expect.poll(async () => (await visible(page)).map((r) => Number(r.text.slice(5, 11))).some((n) => Math.abs(n - place) <= 30)).toBe(true);
  await expect.poll(async () => (await visible(page)).every((r) => r.text.includes('ERROR'))).toBe(true);
  await page.keyboard.press('f');
  await page.keyboard.type('(');
  await page.keyboard.press('Enter');
  await expect(page.locator('.chip.bad')).toContainText('Filter not accepted');
});

test('find, jump to errors, highlight, hide a level', async ({ page }) => {
  for (let i = 0; i < 400; i++) over.log.write(`line ${String(i).padStart(6, '0')} ${i % 100 === 50 ? 'ERROR bad' : i % 100 === 70 ? 'WARN hm' : 'INFO x'}`);
  await over.open(page);
  await atEnd(page, /000399/);
  await page.keyboard.press('/');
  await page.keyboard.type('bad');
  await expect(page.locator('.hits output')).toHaveText('4');
  await page.keyboard.press('Enter');
  await expect(page.locator('.row.selected')).toContainText('000350');
  await page.keyboard.press('Escape');
  await page.keyboard.press('N');
  await expect(page.locator('.row.selected')).toContainText('000250');
  await page.keyboard.press('W');
  await expect(page.locator('.row.selected .m')).toContainText('WARN');
  await page.keyboard.press('e');
  await expect(page.locator('.row.selected .m')).toContainText('ERROR');
  await page.locator('.chip.level.l3').click();
  await page.keyboard.press('End');
  await expect.poll(async () => (await visible(page)).length).toBe(8);
  await expect(page).toHaveURL(/hide=info/);
});

test('a link to a line opens there, in the middle of history', async ({ page, context }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  over.log.write(...numbered(9000));
  await over.open(page, `?at=g1.${Buffer.byteLength(numbered(1)[0] + '\n') * 1234}`);
  await expect(page.locator('.row.at')).toContainText('001234');
  await expect(page.locator('.row.at')).toBeInViewport();
  await expect(page.locator('.pill')).toBeVisible();
  over.log.write(...numbered(5, 9000));
  await page.keyboard.press('End');
  await atEnd(page, /009004/);
  expectSequence(await all(page), 0, 9005);
  await page.keyboard.press('k');
  await page.keyboard.press('l');
  await expect.poll(() => page.evaluate(() => navigator.clipboard.readText())).toMatch(/at=g1\.\d+/);
  await page.keyboard.press('c');
  await expect.poll(() => page.evaluate(() => navigator.clipboard.readText())).toMatch(/^line \d{6} INFO something happened$/);
});

test('a link to a line that is gone says so', async ({ page }) => {
  over.log.write(...numbered(10));
  await over.open(page, '?at=g1.0');
  await expect(page.locator('.row.at')).toContainText('000000');
});

test('help, palette, themes, language and text size work from the keyboard', async ({ page }) => {
  over.log.write('hello');
  await over.open(page);
  await page.keyboard.press('?');
  await expect(page.locator('dialog.help')).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(page.locator('dialog.help')).toBeHidden();
  await page.keyboard.press('t');
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'light');
  await page.keyboard.press('Control+k');
  await page.keyboard.type('languag');
  await page.keyboard.press('Enter');
  await expect(page.locator('html')).toHaveAttribute('lang', 'zh-CN');
  await expect(page.locator('.tool.state')).toHaveText('暂停');
  await page.reload();
  await expect(page.locator('.tool.state')).toHaveText('暂停');
  await page.keyboard.press('+');
  await expect.poll(() => page.locator('.row').first().evaluate((r) => getComputedStyle(r).fontSize)).toBe('14px');
});

test('details show fields, and a field becomes a filter', async ({ page }) => {
  over.log.write('{"level":"error","user":{"id":42},"msg":"no"}', '{"level":"info","user":{"id":7},"msg":"yes"}');
  await over.open(page);
  await page.keyboard.press('k');
  await page.keyboard.press('Enter');
  await expect(page.locator('.fields')).toContainText('user.id');
  await page.getByRole('button', { name: 'Show only lines with this: error' }).click();
  await expect.poll(async () => (await visible(page)).map((r) => r.text)).toEqual(['{"level":"error","user":{"id":42},"msg":"no"}']);
});

test('a line found by a filter is shown in its context', async ({ page }) => {
  for (let i = 0; i < 5000; i++) over.log.write(`line ${String(i).padStart(6, '0')} ${i === 2500 ? 'needle' : 'hay'}`);
  await over.open(page, '?include=needle&lines=10');
  await expect.poll(async () => (await visible(page)).map((r) => r.text)).toEqual(['line 002500 needle']);
  await page.keyboard.press('k');
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Show in context' }).click();
  await expect(page.locator('.row.selected .m')).toHaveText('line 002500 needle');
  await expect.poll(async () => (await visible(page)).map((r) => r.text)).toContain('line 002499 hay');
  await expect.poll(async () => (await visible(page)).map((r) => r.text)).toContain('line 002501 hay');
});

test('wrapped lines keep the place and follow', async ({ page }) => {
  for (let i = 0; i < 600; i++) over.log.write(`line ${String(i).padStart(6, '0')} ${'你好 wide and long '.repeat(i % 23)}`);
  await over.open(page);
  await page.keyboard.press('z');
  await atEnd(page, /000599/);
  over.log.write(`line 000600 ${'x'.repeat(1000)}`);
  await atEnd(page, /000600/);
  await surface(page).hover();
  await page.mouse.wheel(0, -2000);
  await still(page);
  const before = await visible(page);
  over.log.write(...numbered(50, 601));
  await expect(page.locator('.pill')).toHaveText('50 new');
  expect((await visible(page)).map((r) => r.text)).toEqual(before.map((r) => r.text));
  expectSequence(await all(page), 0, 651);
});

test('hostile lines stay text', async ({ page }) => {
  test.setTimeout(120_000);
  const lines = hostile();
  over.log.write(...lines, 'x'.repeat(1 << 20), 'the end');
  await page.goto(over.front.url + LOG);
  await atEnd(page, /the end/);
  const allowed = new Set(['DIV', 'SPAN', 'B']);
  const strange = () => page.evaluate((names) => [...document.querySelectorAll('.surface *')].filter((e) => !names.includes(e.tagName) || [...e.attributes].some((a) => /^on|href|src/.test(a.name))).map((e) => e.outerHTML.slice(0, 100)), [...allowed]);
  for (const wrap of [false, true]) {
    if (wrap) await page.keyboard.press('z');
    await page.keyboard.press('End');
    const rows = await all(page);
    expect(rows).toHaveLength(lines.length + 2);
    expect(rows.join('\n')).toContain('<script>window.pwned');
    expect(rows.join('')).not.toMatch(/[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/);
    expect(await strange()).toEqual([]);
  }
  await page.keyboard.press('Home');
  await still(page);
  for (let i = 0; i < 60; i++) {
    await page.keyboard.press('j');
    await page.keyboard.press('Enter');
  }
  await expect(page.locator('.drawer')).toBeVisible();
  await page.keyboard.press('/');
  await page.keyboard.type('<script>');
  await page.keyboard.press('Enter');
  // What a search through history lists stays text as well.
  await page.keyboard.press('Control+Enter');
  await expect(page.locator('.hit-row').first()).toContainText('<script>');
  await page.locator('.results input').fill('/./');
  await page.keyboard.press('Enter');
  await expect.poll(() => page.locator('.hit-row').count()).toBeGreaterThan(100);
  expect(await page.evaluate(() => [...document.querySelectorAll('.hit-row *')].map((e) => e.tagName).filter((name) => !['I', 'SPAN', 'MARK'].includes(name)))).toEqual([]);
  expect(await page.locator('.hitlist').textContent()).not.toMatch(/[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/);
  expect(await page.evaluate(() => (window as { pwned?: number }).pwned)).toBeUndefined();
  expect(await page.locator('script').count()).toBe(1);
  expect(await page.title()).toBe('app.log · livetail');
});

