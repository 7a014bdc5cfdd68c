// What the journeys do with a page.

import { expect, type Page } from '@playwright/test';

/** Watches a page for everything that must never happen; call the result at the end. */
export function guard(page: Page): () => void {
  const bad: string[] = [];
  page.on('pageerror', (e) => bad.push(`error: ${e.message}`));
  page.on('console', (m) => {
    if (/Content Security Policy|Trusted ?Types|TrustedScript/i.test(m.text())) bad.push(`policy: ${m.text()}`);
  });
  page.on('dialog', (d) => {
    bad.push(`dialog: ${d.message()}`);
    void d.dismiss();
  });
  page.on('request', (r) => {
    const url = new URL(r.url());
    if (url.hostname !== '127.0.0.1' && url.protocol !== 'data:') bad.push(`request: ${r.url()}`);
  });
  return () => expect(bad).toEqual([]);
}

export const surface = (page: Page) => page.locator('.surface');

/** Visible rows with their text and place. */
export function visible(page: Page): Promise<{ id: number; text: string; top: number }[]> {
  return page.evaluate(() => {
    const s = document.querySelector('.surface')?.getBoundingClientRect();
    if (!s) return []; // The page is still loading.
    return [...document.querySelectorAll<HTMLElement>('.row')]
      .map((r) => ({ id: Number(r.dataset.id), text: r.querySelector('.m')?.textContent ?? r.textContent ?? '', top: r.getBoundingClientRect().top - s.top, bottom: r.getBoundingClientRect().bottom - s.top }))
      .filter((r) => r.bottom > 0 && r.top < s.height)
      .sort((a, b) => a.top - b.top);
  });
}

/** Text of all rows, from the first that is held to the last, read by scrolling through. Pauses the page. */
export async function all(page: Page): Promise<string[]> {
  return page.evaluate(async () => {
    const s = document.querySelector('.surface')!;
    const frame = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    const rows = new Map<number, string>();
    const take = () => document.querySelectorAll<HTMLElement>('.row').forEach((r) => rows.set(Number(r.dataset.id), r.querySelector('.m')?.textContent ?? `[${r.className.split(' ').pop()}]`));
    s.dispatchEvent(new WheelEvent('wheel', { deltaY: -1 }));
    await frame();
    // Up to the very beginning: pages are read on the way.
    const until = async (done: () => boolean, step: () => void) => {
      for (let still = 0, last = performance.now(); still < 5; ) {
        const before = `${s.scrollTop} ${s.scrollHeight}`;
        step();
        await frame();
        take();
        if (before !== `${s.scrollTop} ${s.scrollHeight}`) last = performance.now();
        still = done() && before === `${s.scrollTop} ${s.scrollHeight}` ? still + 1 : 0;
        if (performance.now() - last > 20_000) throw new Error(`stuck at ${before} ${JSON.stringify({ ...(s as HTMLElement).dataset })}`);
      }
    };
    const data = (s as HTMLElement).dataset;
    await until(() => data.head === 'beginning', () => (s.scrollTop = 0));
    await until(() => data.tail === 'live', () => (s.scrollTop += s.clientHeight * 0.8));
    return [...rows].sort((a, b) => a[0] - b[0]).map(([, text]) => text);
  });
}

/** Waits until the view has stood still for some frames. */
export async function still(page: Page): Promise<void> {
  await page.evaluate(async () => {
    const s = document.querySelector('.surface')!;
    const state = () => `${s.scrollTop} ${s.scrollHeight} ${s.clientHeight} ${s.textContent!.length}`;
    for (let quiet = 0, n = 0, last = ''; quiet < 10 && n < 1000; n++) {
      await new Promise((done) => requestAnimationFrame(done));
      quiet = state() === last ? quiet + 1 : 0;
      last = state();
    }
  });
}

export async function atEnd(page: Page, text: string | RegExp): Promise<void> {
  await expect.poll(async () => (await visible(page)).at(-1)?.text ?? '').toMatch(text);
}

export const numbered = (n: number, from = 0) => Array.from({ length: n }, (_, i) => `line ${String(from + i).padStart(6, '0')} INFO something happened`);

/** Checks that rows are exactly the numbered lines from to, once each and in order. Marks are left out. */
export function expectSequence(rows: string[], from: number, to: number): void {
  const found = rows.filter((r) => r.startsWith('line ')).map((r) => Number(r.slice(5, 11)));
  const wrong = found.findIndex((n, i) => n !== from + i);
  expect(wrong < 0 ? [] : found.slice(Math.max(0, wrong - 2), wrong + 3), `order breaks at ${wrong}`).toEqual([]);
  expect([found[0], found.length]).toEqual([from, to - from]);
}
