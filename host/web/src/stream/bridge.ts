// The page's side of the stream: the worker, behind plain calls.

import workerURL from './worker.ts?worker&url';
import type { FromWorker, OpenRequest, ToWorker } from './items';
import { scriptURL } from '../trusted';

export class Stream {
  private readonly worker: Worker;

  constructor(receive: (message: FromWorker) => void) {
    this.worker = new Worker(scriptURL(new URL(workerURL, import.meta.url)), { type: 'module', name: 'livetail stream' });
    this.worker.addEventListener('message', (event: MessageEvent<FromWorker>) => receive(event.data));
  }

  open(request: OpenRequest): void {
    this.post({ k: 'open', request });
  }
  /** Says that the last batch has been painted and that the next may come. */
  ack(): void {
    this.post({ k: 'ack' });
  }
  read(id: number, at: string, backward: boolean, lines: number): void {
    this.post({ k: 'read', id, at, backward, lines });
  }
  filter(id: number, include: string[], exclude: string[]): void {
    this.post({ k: 'filter', id, include, exclude });
  }
  retry(): void {
    this.post({ k: 'retry' });
  }
  stop(): void {
    this.post({ k: 'close' });
    this.worker.terminate();
  }

  private post(message: ToWorker): void {
    this.worker.postMessage(message);
  }
}
