// Each journey of a file over a stand-in of its own, with one log; what must never happen in the page fails it.

import { test, type Page } from '@playwright/test';
import { guard } from './driver';
import { MemoryLog, StandIn } from './standin';

export const LOG = '/var/log/app.log';

export interface Over {
  front: StandIn;
  log: MemoryLog;
  /** Opens a log, and waits until there is something to see. */
  open(page: Page, query?: string, path?: string): Promise<void>;
}

/** What the journey that runs stands over. */
export function overStandIn(): Over {
  const over = {
    open: async (page, query = '', path = LOG) => {
      await page.goto(over.front.url + path + query);
      await page.locator('.row, .overlay').first().waitFor();
    },
  } as Over;
  let check = () => {};
  test.beforeEach(async ({ page }) => {
    over.front = new StandIn();
    over.log = new MemoryLog();
    over.front.logs.set(LOG, over.log);
    await over.front.start();
    check = guard(page);
  });
  test.afterEach(async () => {
    check();
    await over.front.stop();
  });
  return over;
}
