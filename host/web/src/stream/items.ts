// What the stream is made of once it is decoded: runs of lines and marks between them.

import type { PackedBatch, Text } from './packed';
import type { BoundaryMessage, CountedMessage, FoundMessage, GapMessage, Piece, ScanMessage, TruncatedMessage } from './protocol';

/** Lines of one generation. Line i is text from starts[i] to starts[i + 1] (or the end), its line ending included. */
export interface Chunk {
  k: 'lines';
  gen: string;
  /** Full text of the position after the last byte, for resuming. */
  end: string;
  text: Text;
  starts: Uint32Array;
  /** Source offset of each line within the generation. */
  offs: Float64Array;
  levels: Uint8Array;
  late: boolean;
  /** No escape sequence is in it. */
  plain?: boolean;
  piece?: Piece;
  /** Which of several logs it is from. */
  part?: number;
  /** When it arrived, in ms since the epoch. */
  at: number;
}

export type MarkBody =
  | BoundaryMessage
  | TruncatedMessage
  | GapMessage
  /** The connection was away for ms and went on at the same byte. */
  | { t: 'resumed'; ms: number }
  /** The position to go on from does not exist any more: what lies between is unknown. */
  | { t: 'position_gone'; after: string };

export interface Mark {
  k: 'mark';
  body: MarkBody;
  at: number;
  part?: number;
}

export type Item = Chunk | Mark;

export function linesOf(items: readonly Item[]): number {
  return items.reduce((n, i) => n + (i.k === 'lines' ? i.starts.length : 0), 0);
}

/** Lines that were received but not kept, because the page could not show them fast enough. They are in the log, at these positions. */
export interface Hole {
  lines: number;
  from: string;
  to: string;
}

export interface Batch {
  /** Comes before the items. */
  hole?: Hole;
  items: Item[];
  /** The end of the log, where everything there was had been received. */
  at?: string;
}

export interface Page {
  id: number;
  items: Item[];
  start: string;
  end: string;
  atBeginning: boolean;
  atEnd: boolean;
}

export type Phase = 'connecting' | 'open' | 'waiting' | 'refused' | 'ended';

export interface StreamState {
  phase: Phase;
  plugin: 'up' | 'restarting' | 'down';
  /** Attempts since the last good connection. */
  attempt: number;
  /** When the next attempt is due, in ms since the epoch; 0 if none is. */
  retryAt: number;
  error: { code: string; message: string } | null;
  server: string;
  capabilities: string[];
  pageLines: number;
  /** The time zone of lines whose time names none, by log; '' is that of the browser. */
  zones: string[];
  /** Where a trace is shown, with {trace_id} in the place of its name; '' is nowhere. */
  traceURL: string;
}

export interface Beat {
  rttMs: number | null;
  behind: number | null;
  at: number;
}

export interface Stats {
  lines: number;
  bytes: number;
  gaps: number;
  perSecond: number;
  lastLineAt: number;
  /** When the server last said anything. */
  lastHeardAt: number;
  caughtUp: boolean;
}

export interface OpenRequest {
  /** The WebSocket URL of the log, without a query. */
  url: string;
  log: string;
  /** Where a ticket is to be had, should the server want one. */
  ticketURL: string;
  lines: number;
  from?: string;
  since?: string;
  wait?: boolean;
  include: string[];
  exclude: string[];
}

export type ToWorker =
  | { k: 'open'; request: OpenRequest }
  | { k: 'ack' }
  | { k: 'read'; id: number; at: string | number; backward: boolean; lines: number }
  | { k: 'scan'; message: ScanMessage }
  | { k: 'cancel'; id: number }
  | { k: 'filter'; id: number; include: string[]; exclude: string[] }
  | { k: 'retry' }
  | { k: 'close' };

/** What the worker sends: batches are packed. */
export type Posted = Exclude<FromWorker, { k: 'batch' }> | { k: 'packed'; batch: PackedBatch };

export type FromWorker =
  | { k: 'batch'; batch: Batch }
  | { k: 'state'; state: StreamState }
  | { k: 'beat'; beat: Beat }
  | { k: 'stats'; stats: Stats }
  | { k: 'page'; page: Page }
  | { k: 'scanned'; message: FoundMessage | CountedMessage }
  | { k: 'filtered'; id: number; at: string }
  | { k: 'failed'; id: number; code: string; message: string };
