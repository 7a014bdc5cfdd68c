// The trace that a line names: trace_id=…, "traceId": "…" and the like, by the same rules as the label trace_id of Loki's API.

const named = /trace[_.-]?id["' ]*[=:]["' ]*([0-9a-f]{32})(?![0-9a-f])/i;

/** The name of the trace that a line names, in lower case; '' if it names none. */
export function traceOf(line: string): string {
  const m = named.exec(line.length > 4096 ? line.slice(0, 4096) : line);
  return m ? m[1].toLowerCase() : '';
}

/** Where a trace is shown, by a template with {trace_id} in it; '' if there is no such place. */
export function traceLink(template: string, trace: string): string {
  if (!/^https?:\/\//i.test(template)) return '';
  return template.replaceAll('{trace_id}', trace);
}
