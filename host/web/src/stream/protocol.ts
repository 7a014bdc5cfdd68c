// The messages of the subprotocol livetail.v1, as far as the page uses them. docs/protocol.md is the reference.

export const SUBPROTOCOL = 'livetail.v1';

export type Piece = 'first' | 'middle' | 'last';

export interface LinesMessage { t: 'lines' | 'late'; start: string; end: string; text: string; at?: number[]; piece?: Piece }
export interface BoundaryMessage { t: 'boundary'; from: string; to: string; how: string; order: string; name?: string }
export interface TruncatedMessage { t: 'truncated'; from: string; to: string }
export interface GapMessage {
  t: 'gap';
  cause: string;
  certain: boolean;
  after?: string;
  before?: string;
  generations?: number | null;
  bytes?: number | null;
  min_bytes?: number | null;
  lines?: number | null;
  evidence?: string[];
}
export interface CaughtUpMessage { t: 'caught_up'; at: string }
export type EventMessage = LinesMessage | BoundaryMessage | TruncatedMessage | GapMessage | CaughtUpMessage;

export interface HelloMessage {
  t: 'hello';
  v: number;
  server: string;
  session: string;
  log: string;
  heartbeat?: { interval_ms: number; timeout_ms: number };
  limits?: { frame?: number; page_lines?: number; filter_bytes?: number };
  capabilities?: string[];
}
export interface PageMessage {
  t: 'page';
  id: number;
  events: EventMessage[];
  start: string;
  end: string;
  at_beginning?: boolean;
  at_end?: boolean;
}
export interface ErrorMessage { t: 'error'; id?: number; code: string; message: string }
export interface ByeMessage { t: 'bye'; reason: string; reconnect: boolean; after_ms?: number; at?: string }

export type ServerMessage =
  | HelloMessage
  | EventMessage
  | PageMessage
  | ErrorMessage
  | ByeMessage
  | { t: 'ping'; id: number; rtt_ms?: number; behind?: number }
  | { t: 'pong'; id: number }
  | { t: 'status'; plugin: 'up' | 'restarting' | 'down' }
  | { t: 'filtered'; id: number };

export type ClientMessage =
  | { t: 'pong'; id: number }
  | { t: 'ping'; id: number }
  | { t: 'read'; id: number; at: string; backward: boolean; lines: number }
  | { t: 'filter'; id: number; include: string[]; exclude: string[] };

/** Codes of a refusal that another attempt cannot mend. */
export const FINAL_ERRORS: ReadonlySet<string> = new Set(['not_allowed', 'not_found', 'not_regular', 'bad_request', 'unsupported']);
