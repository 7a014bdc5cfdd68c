// The worker that owns the WebSocket. It pays twice: a busy page still answers the server's pings in time, and a page that cannot
// paint as fast as lines come takes what it can, one batch per frame, while the rest waits here within a bound.

import type { Posted, ToWorker } from './items';
import { pack } from './packed';
import { Pending } from './pending';
import { Session } from './session';
import { Dialer } from './socket';

const scope = self as unknown as DedicatedWorkerGlobalScope;
const pending = new Pending();
/** The page has taken the last batch and waits for the next. */
let ready = true;
let scheduled = false;
let counted = 0;
let settled = false;
let dialer = new Dialer('', '');

function post(message: Posted, transfer: Transferable[] = []): void {
  scope.postMessage(message, transfer);
}

function flush(): void {
  scheduled = false;
  if (!ready || pending.empty) return;
  ready = false;
  const [batch, transfer] = pack(pending.take());
  post({ k: 'packed', batch }, transfer);
}

// Messages that wait in the queue already are taken together: a task later is early enough.
function schedule(): void {
  if (scheduled || !ready) return;
  scheduled = true;
  setTimeout(flush, 0);
}

const session = new Session(
  (url) => dialer.dial(url),
  { now: () => Date.now(), random: () => Math.random(), set: (run, ms) => setTimeout(run, ms), clear: (timer) => clearTimeout(timer as number) },
  {
    item: (item) => {
      pending.push(item);
      schedule();
    },
    caughtUp: (at) => {
      pending.caughtUp(at);
      schedule();
    },
    state: (state) => post({ k: 'state', state }),
    beat: (beat) => post({ k: 'beat', beat }),
    page: (page) => post({ k: 'page', page }),
    scanned: (message) => post({ k: 'scanned', message }),
    filtered: (id, at) => {
      // What was received under the old filter must not follow the answer.
      pending.clear();
      post({ k: 'filtered', id, at });
    },
    failed: (id, code, message) => post({ k: 'failed', id, code, message }),
  },
);

setInterval(() => {
  // The lines that were there at the start are no rate.
  session.stats.perSecond = settled ? session.stats.lines - counted : 0;
  counted = session.stats.lines;
  settled = session.stats.caughtUp;
  post({ k: 'stats', stats: { ...session.stats } });
}, 1000);

scope.addEventListener('online', () => session.retry());
scope.addEventListener('message', (event: MessageEvent<ToWorker>) => {
  const m = event.data;
  switch (m.k) {
    case 'open':
      pending.clear();
      ready = true;
      dialer = new Dialer(m.request.log, m.request.ticketURL);
      session.open(m.request);
      break;
    case 'ack':
      ready = true;
      flush();
      break;
    case 'read':
      session.read(m.id, m.at, m.backward, m.lines);
      break;
    case 'scan':
      session.scan(m.message);
      break;
    case 'cancel':
      session.cancel(m.id);
      break;
    case 'filter':
      session.filter(m.id, m.include, m.exclude);
      break;
    case 'retry':
      session.retry();
      break;
    case 'close':
      session.close();
      pending.clear();
      break;
  }
});
