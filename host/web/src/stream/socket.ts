// The WebSocket as it is opened: at once where that works, with a ticket where the server wants to know who asks. A browser sends what
// the person signed in with along with a request, but not all of them do so with a WebSocket; a ticket bridges that.

import type { SocketLike } from './session';
import { SUBPROTOCOL } from './protocol';

/** Opens sockets to one log. */
export class Dialer {
  /** The last attempt failed before it was open: the next one asks whether a ticket is needed. */
  private refused = false;

  constructor(private readonly log: string, private readonly ticketURL: string) {}

  dial(url: string): SocketLike {
    const outer: SocketLike = { onopen: null, onmessage: null, onclose: null, send: () => undefined, close: () => (closed = true) };
    let closed = false;
    let opened = false;
    const open = (protocols: string[]) => {
      if (closed) return;
      const socket = new WebSocket(url, protocols);
      outer.send = (text) => socket.send(text);
      outer.close = () => socket.close();
      socket.onopen = () => {
        opened = true;
        this.refused = protocols.length > 1;
        outer.onopen?.();
      };
      socket.onmessage = (event) => outer.onmessage?.(event);
      socket.onclose = (event) => {
        if (!opened) this.refused = true;
        outer.onclose?.(event);
      };
    };
    if (!this.refused) open([SUBPROTOCOL]);
    else void this.ticket().then((ticket) => open(ticket ? [SUBPROTOCOL, ticket] : [SUBPROTOCOL]));
    return outer;
  }

  private async ticket(): Promise<string | null> {
    try {
      const response = await fetch(this.ticketURL, {
        method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ log: this.log }), credentials: 'same-origin',
      });
      if (!response.ok) return null;
      const body = (await response.json()) as { protocol?: unknown };
      return typeof body.protocol === 'string' ? body.protocol : null;
    } catch {
      return null; // the server is away: the socket will find out as well
    }
  }
}
