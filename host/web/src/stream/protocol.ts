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
  /** The time zone of lines whose time names none; missing if the server does not know. */
  zone?: string;
  /** Where a trace is shown, with {trace_id} in the place of its name. */
  trace_url?: string;
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
/** How far a search or count has got. Times are in ms since the epoch. */
export interface Progress {
  id: number;
  at: string;
  time_ms: number | null;
  scanned: number;
  left: number;
  skipped: number;
  end?: 'all' | 'matches' | 'limit';
}
export interface Match { at: string; time_ms: number | null; level: string; text: string; cut?: boolean; /** Which of several logs it is in; not said by the server. */ part?: number }
export interface FoundMessage extends Progress { t: 'found'; matches: Match[] }
/** A bucket is when it begins, and how many lines of each level. */
export interface CountedMessage extends Progress { t: 'counted'; buckets: number[][] }
/** What a search or count is to look at. */
export interface ScanRange {
  at?: string;
  backward?: boolean;
  since_ms?: number;
  until_ms?: number;
  include?: string[];
  exclude?: string[];
  bytes?: number;
}
export type ScanMessage = ScanRange & ({ t: 'search'; id: number; matches: number } | { t: 'count'; id: number; bucket_ms: number });

export interface ErrorMessage { t: 'error'; id?: number; code: string; message: string }
export interface ByeMessage { t: 'bye'; reason: string; reconnect: boolean; after_ms?: number; at?: string }

export type ServerMessage =
  | HelloMessage
  | EventMessage
  | PageMessage
  | FoundMessage
  | CountedMessage
  | ErrorMessage
  | ByeMessage
  | { t: 'ping'; id: number; rtt_ms?: number; behind?: number }
  | { t: 'pong'; id: number }
  | { t: 'status'; plugin: 'up' | 'restarting' | 'down' }
  | { t: 'filtered'; id: number };

export type ClientMessage =
  | { t: 'pong'; id: number }
  | { t: 'ping'; id: number }
  | { t: 'read'; id: number; at?: string; time_ms?: number; backward: boolean; lines: number }
  | ScanMessage
  | { t: 'cancel'; id: number }
  | { t: 'filter'; id: number; include: string[]; exclude: string[] };

/** Codes of a refusal that another attempt cannot mend. */
export const FINAL_ERRORS: ReadonlySet<string> = new Set(['not_allowed', 'not_found', 'not_regular', 'bad_request', 'unsupported']);
