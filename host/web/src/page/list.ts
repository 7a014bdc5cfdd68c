// The list of logs, from the server.

export interface Entry {
  log: string;
  size: number;
  modified: string;
  generations: number;
}

export interface Listing {
  logs: Entry[];
  truncated: boolean;
}

/** Asks for the logs whose paths hold all words of a text; all logs for ''. */
export async function fetchLogs(words: string, signal?: AbortSignal): Promise<Listing> {
  const url = new URL('-/logs', document.baseURI);
  if (words) url.searchParams.set('q', words);
  const response = await fetch(url, { headers: { Accept: 'application/json' }, ...(signal ? { signal } : {}) });
  if (!response.ok) throw new Error(`${response.status} ${response.statusText}`.trim());
  const body = (await response.json()) as Partial<Listing>;
  return { logs: body.logs ?? [], truncated: body.truncated === true };
}

/** The folders below which logs may be followed. */
export async function fetchRoots(signal?: AbortSignal): Promise<string[]> {
  const response = await fetch(new URL('-/info', document.baseURI), { headers: { Accept: 'application/json' }, ...(signal ? { signal } : {}) });
  if (!response.ok) return [];
  const body = (await response.json()) as { roots?: unknown };
  return Array.isArray(body.roots) ? body.roots.filter((r) => typeof r === 'string') : [];
}

/** Characters of the query in this order, the closer together and the nearer to the name's end the better; null is no match. */
export function score(log: string, query: string): number | null {
  if (query === '') return 0;
  const text = log.toLowerCase();
  let total = 0;
  for (const word of query.toLowerCase().split(/\s+/).filter(Boolean)) {
    const whole = text.lastIndexOf(word);
    if (whole >= 0) {
      total += 1000 + (whole > text.lastIndexOf('/') ? 500 : 0) - (text.length - whole);
      continue;
    }
    let at = -1;
    let spread = 0;
    for (const c of word) {
      const next = text.indexOf(c, at + 1);
      if (next < 0) return null;
      if (at >= 0) spread += next - at - 1;
      at = next;
    }
    total += 200 - spread;
  }
  return total;
}

export function search(logs: Entry[], query: string): Entry[] {
  if (query === '') return logs;
  return logs
    .map((entry) => ({ entry, score: score(entry.log, query) }))
    .filter((s): s is { entry: Entry; score: number } => s.score !== null)
    .sort((a, b) => b.score - a.score || (a.entry.log < b.entry.log ? -1 : 1))
    .map((s) => s.entry);
}

export function splitPath(log: string): { dir: string; name: string } {
  const at = log.lastIndexOf('/') + 1;
  return { dir: log.slice(0, at), name: log.slice(at) };
}
