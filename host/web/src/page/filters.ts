// The filter that the server applies. One change at a time: what is wanted meanwhile is asked for when the answer is there.

import { signal } from '@preact/signals';
import type { Live } from './live';

interface Filter {
  include: string[];
  exclude: string[];
}

export class Filters {
  readonly error = signal('');
  readonly busy = signal(false);
  private id = 0;
  private stale = false;
  private accepted: Filter;

  constructor(private readonly live: Live, private readonly nextId: () => number) {
    this.accepted = this.wanted;
  }

  /** Something is filtered. */
  get on(): boolean {
    const { include, exclude } = this.live.view.value;
    return include.length + exclude.length > 0;
  }

  /** The connection begins with what the address says. */
  begin(): void {
    this.accepted = this.wanted;
  }

  set(include: string[], exclude: string[]): void {
    this.live.setView({ include, exclude });
    this.error.value = '';
    this.stale = this.busy.value;
    if (this.stale) return;
    this.busy.value = true;
    this.id = this.nextId();
    this.live.stream.filter(this.id, include, exclude);
  }

  /** The server has taken a filter, at a position; true if it is the one that is wanted now. */
  taken(id: number): boolean {
    if (id !== this.id || this.again()) return false;
    this.accepted = this.wanted;
    return true;
  }

  /** The server has not taken a filter: what it did not take must not stay in the address. */
  failed(id: number, reason: string): boolean {
    if (id !== this.id) return false;
    if (this.again()) return true;
    this.live.setView(this.accepted);
    this.error.value = reason;
    return true;
  }

  private get wanted(): Filter {
    const { include, exclude } = this.live.view.peek();
    return { include, exclude };
  }

  private again(): boolean {
    this.busy.value = false;
    if (!this.stale) return false;
    this.set(this.wanted.include, this.wanted.exclude);
    return true;
  }
}
