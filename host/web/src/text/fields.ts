// Fields of a structured line: JSON or logfmt, wherever in the line it begins.

export interface Field {
  name: string;
  value: string;
}

const MOST_FIELDS = 200;
const MOST_TEXT = 256 << 10;

export function fieldsOf(line: string): Field[] {
  if (line.length > MOST_TEXT) return [];
  return jsonFields(line) ?? logfmtFields(line);
}

/** The values of a line as they are, and what stands around them: a JSON object with something before or behind it, or logfmt and nothing else. Null for any other line. */
export function valuesOf(line: string): { before: string; fields: { name: string; value: unknown }[]; after: string } | null {
  const json = object(line);
  if (json !== null) return { before: json.before, fields: Object.entries(json.value).map(([name, value]) => ({ name, value })), after: json.after };
  if (line.replace(pair, '').trim() !== '') return null;
  return { before: '', fields: logfmtFields(line), after: '' };
}

function object(line: string): { before: string; value: Record<string, unknown>; after: string } | null {
  const start = line.indexOf('{');
  const end = line.lastIndexOf('}');
  if (start < 0 || end <= start) return null;
  let value: unknown;
  try {
    value = JSON.parse(line.slice(start, end + 1));
  } catch {
    return null;
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return null;
  return { before: line.slice(0, start), value: value as Record<string, unknown>, after: line.slice(end + 1) };
}

function jsonFields(line: string): Field[] | null {
  const json = object(line);
  if (json === null) return null;
  const fields: Field[] = [];
  flatten(json.value, '', fields, 0);
  return fields;
}

function flatten(object: Record<string, unknown>, prefix: string, fields: Field[], depth: number): void {
  for (const [key, value] of Object.entries(object)) {
    if (fields.length >= MOST_FIELDS) return;
    const name = prefix + key;
    if (value !== null && typeof value === 'object' && !Array.isArray(value) && depth < 4) flatten(value as Record<string, unknown>, `${name}.`, fields, depth + 1);
    else fields.push({ name, value: typeof value === 'string' ? value : JSON.stringify(value) });
  }
}

const pair = /(?:^|\s)([A-Za-z_@][\w.@-]{0,63})=("(?:[^"\\]|\\.)*"|[^\s"]*)/g;

function logfmtFields(line: string): Field[] {
  const fields: Field[] = [];
  pair.lastIndex = 0;
  for (let m = pair.exec(line); m !== null && fields.length < MOST_FIELDS; m = pair.exec(line)) fields.push({ name: m[1], value: unquote(m[2]) });
  // One equals sign is an accident, not a format.
  return fields.length >= 2 ? fields : [];
}

function unquote(value: string): string {
  if (!value.startsWith('"')) return value;
  try {
    return JSON.parse(value) as string;
  } catch {
    return value.slice(1, -1);
  }
}

/** A regular expression (in the server's dialect) that matches a text as it stands. */
export function literal(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
