// A hundred thousand lines a second, for LOAD_SECONDS (8). Prints how long frames took, and what it cost; how fast a frame is depends on the machine,
// so only what does not is asserted: elements stay few, memory stays flat, and the page is at the end when the rush is over.

import { writeFileSync } from 'node:fs';
import { expect, test } from '@playwright/test';
import { MemoryLog, StandIn } from './standin';
import { AloneBrowser } from './alone';

const LOG = '/var/log/app.log';
const SECONDS = Number(process.env.LOAD_SECONDS ?? 8);
const LINES = 2000;
const EVERY = 20;
/** Seconds until what is held has reached its bound. */
const WARM = 3;
/** Where to put a profile of the page, if one is wanted. */
const PROFILE = process.env.LOAD_PROFILE;

test('a hundred thousand lines a second', async ({ launchOptions, viewport }) => {
  test.setTimeout((SECONDS * 4 + 90) * 1000);
  const front = new StandIn();
  const log = new MemoryLog();
  front.logs.set(LOG, log);
  await front.start();
  log.write('start');
  const page = await AloneBrowser.open(launchOptions.executablePath!, launchOptions.args!, viewport!.width, viewport!.height, front.url + LOG);
  // The text of the last row in sight.
  const last = () => page.evaluate<string>(`[...document.querySelectorAll('.row')].map((r) => [r.getBoundingClientRect().top, r.textContent]).sort((a, b) => a[0] - b[0]).at(-1)?.[1] ?? ''`);
  await expect.poll(last).toMatch(/start/);
  await page.evaluate(`(() => {
    const times = (window.frames_ = []);
    let last = performance.now();
    const tick = (now) => {
      times.push(now - last);
      last = now;
      requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
  })()`);
  const now = () => page.evaluate<{ heap: number; nodes: number }>(`({ heap: performance.memory.usedJSHeapSize / 1e6, nodes: document.querySelectorAll('*').length })`);
  // Messages are made once, so that making them does not compete with the page for the processor.
  const text = (n: number) => Array.from({ length: LINES }, (_, k) => `2026-11-23 09:30:00.123 | ${k % 50 === 7 ? 'WARNING ' : 'INFO    '} | shop.orders:handle:142 - order accepted id=${String(n * LINES + k).padStart(8, '0')} path=/api/orders/8813 and some more words\n`).join('');
  const texts = Array.from({ length: 100 }, (_, n) => text(n));
  const json = texts.map((t) => Buffer.from(`${JSON.stringify(t)}}`));
  let off = log.off;
  const send = (n: number) => {
    const length = texts[n].length;
    const message = Buffer.concat([Buffer.from(`{"t":"lines","start":"g1.${off}","end":"g1.${off + length}","text":`), json[n]]);
    off += length;
    for (const s of front.sockets) s.send(message, { binary: false });
  };
  if (PROFILE) {
    await page.send('Profiler.enable');
    await page.send('Profiler.start');
  }
  await page.evaluate('void (window.frames_.length = 0)');
  const before = page.times();
  const seen: { heap: number; nodes: number }[] = [];
  const memory: number[] = [];
  const start = Date.now();
  const total = (SECONDS * 1000) / EVERY;
  for (let i = 0; i < total; i++) {
    send(i % 99);
    const due = start + (i + 1) * EVERY;
    if (due > Date.now()) await new Promise((done) => setTimeout(done, due - Date.now()));
    if (i % 50 === 49) {
      seen.push(await now());
      memory.push(page.memory());
    }
  }
  send(99);
  // What was sent waits in the socket and in the worker; how long it takes to come to the end is up to the machine.
  await expect.poll(last, { timeout: (SECONDS * 3 + 60) * 1000 }).toMatch(new RegExp(`id=${String(99 * LINES + LINES - 1).padStart(8, '0')} `));
  const took = (Date.now() - start) / 1000;
  const cost = [...page.times()].map(([what, ms]) => `${what} ${((ms - (before.get(what) ?? 0)) / took / 10).toFixed(0)} %`);
  if (PROFILE) writeFileSync(PROFILE, JSON.stringify((await page.send('Profiler.stop')).profile));
  const frames = (await page.evaluate<number[]>('window.frames_')).sort((a, b) => a - b);
  const share = (of: number) => (frames[Math.min(frames.length - 1, Math.floor(frames.length * of))] ?? 0).toFixed(1);
  const nodes = Math.max(...seen.map((s) => s.nodes));
  const heap = seen.map((s) => s.heap);
  console.log(`${(((total + 1) * LINES) / took / 1000).toFixed(0)},000 lines/s for ${took.toFixed(1)} s: frame p50 ${share(0.5)} ms, p95 ${share(0.95)} ms, p99 ${share(0.99)} ms; heap ${heap.map((h) => h.toFixed(0)).join(' ')} MB; at most ${nodes} elements; the process at most ${Math.max(...memory).toFixed(0)} MB, at the end ${memory.at(-1)!.toFixed(0)}`);
  console.log(`of one processor: ${cost.join(', ')}`);
  expect(nodes).toBeLessThan(5000);
  // The highest that it got while it filled up, and never much more from then on.
  const filled = Math.max(...heap.slice(0, WARM + 2));
  expect(Math.max(...heap.slice(WARM + 2), 0), heap.join(' ')).toBeLessThan(filled * 1.5 + 60);
  expect(Math.max(...heap)).toBeLessThan(300);
  expect(page.errors).toEqual([]);
  await page.close();
  await front.stop();
});
