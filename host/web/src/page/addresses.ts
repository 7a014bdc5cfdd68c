// Addresses of lines that outlive their file's name: the server adds the evidence by which it finds a line again in an archive.

import type { Live } from './live';

/** How long the server may take, in ms; without its answer, the plain position has to do. */
const PATIENCE = 1500;

export class Addresses {
  private waiting: { id: number; done: (position: string) => void } | null = null;

  constructor(private readonly live: Live, private readonly nextId: () => number) {}

  /** The position of a line with the evidence that goes with it. */
  resolve(position: string, part = 0): Promise<string> {
    if (this.live.state.peek().phase !== 'open') return Promise.resolve(position);
    return new Promise((done) => {
      const id = this.nextId();
      this.waiting = { id, done: (found) => done(found || position) };
      if (this.live.merged) this.live.merged.readOf(part, id, position);
      else this.live.stream.read(id, position, false, 1);
      setTimeout(() => this.answered(id, ''), PATIENCE);
    });
  }

  /** Takes the answer to a request; false if it is to another. */
  answered(id: number, position: string): boolean {
    if (this.waiting?.id !== id) return false;
    const { done } = this.waiting;
    this.waiting = null;
    done(position);
    return true;
  }
}
