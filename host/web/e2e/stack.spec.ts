// What the settings of the server say about lines: in which zone their times are, and where traces are shown.

import { expect, test } from '@playwright/test';
import { atEnd, guard } from './driver';
import { Livetail } from './livetail';

const trace = '4bf92f3577b34da6a3ce929d0e0e4736';

test('a trace is a link, and times are of the zone of the log', async ({ page }) => {
  const check = guard(page);
  const lt = new Livetail();
  lt.write('app.log', '2026-07-01 12:00:00 | INFO | before', `2026-07-01 12:00:01 | ERROR | refused trace_id=${trace}`);
  const details = async () => {
    await atEnd(page, /refused/);
    await page.locator('.row', { hasText: 'refused' }).click();
    await page.keyboard.press('Enter');
    return page.locator('.drawer dl');
  };
  try {
    await lt.start('--time-zone', `${lt.path('app.log')}=Asia/Shanghai`, '--trace-url', 'https://tempo.example.org/trace/{trace_id}');
    await page.goto(lt.url + lt.path('app.log'));
    const facts = await details();
    await expect(facts.getByRole('link')).toHaveAttribute('href', `https://tempo.example.org/trace/${trace}`);
    const local = await page.evaluate(() => new Date(Date.UTC(2026, 6, 1, 4, 0, 1)).toLocaleString());
    await expect(facts).toContainText(local);

    await lt.kill();
    await lt.start();
    await page.goto(lt.url + lt.path('app.log'));
    await (await details()).getByRole('link').click();
    await expect(page.locator('.row .m')).toHaveText([/refused/]);
    await expect(page).toHaveURL(new RegExp(`include=${trace}`));
  } finally {
    await lt.stop();
  }
  check();
});
