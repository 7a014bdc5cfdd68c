// Time zones, as far as the browser knows them.

/** How far a zone is ahead of UTC, by the quarter of an hour since the epoch: it changes at no other time. */
interface Zone {
  format: Intl.DateTimeFormat;
  offsets: Map<number, number>;
}

const QUARTER = 900_000;
/** Quarters of an hour that are remembered of one zone. */
const MOST = 10_000;
const zones = new Map<string, Zone | null>();
const fixed = /^([+-])(\d\d):(\d\d)$/;

/**
 * Ms since the epoch at which clocks in a zone show what those of UTC show at utc. The zone is a name of the tz database, UTC, or an offset such as
 * +05:30; null for one that is not known here. What clocks show twice is taken for the first time.
 */
export function inZone(zone: string, utc: number): number | null {
  if (zone === 'UTC') return utc;
  const m = fixed.exec(zone);
  if (m) return utc - (m[1] === '-' ? -1 : 1) * (Number(m[2]) * 60 + Number(m[3])) * 60_000;
  const known = zoneOf(zone);
  if (known === null) return null;
  // The offset before and after a change of clocks near by: the earlier time that shows it, or else what would have been without the change.
  const early = utc - offsetAt(known, utc - 86_400_000);
  const late = utc - offsetAt(known, utc + 86_400_000);
  for (const time of [Math.min(early, late), Math.max(early, late)]) if (time + offsetAt(known, time) === utc) return time;
  return early;
}

function zoneOf(name: string): Zone | null {
  const known = zones.get(name);
  if (known !== undefined) return known;
  let zone: Zone | null = null;
  try {
    zone = {
      format: new Intl.DateTimeFormat('en-US', { timeZone: name, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric', second: 'numeric' }),
      offsets: new Map(),
    };
  } catch {
    // No zone of this browser's.
  }
  zones.set(name, zone);
  return zone;
}

function offsetAt(zone: Zone, time: number): number {
  const quarter = Math.floor(time / QUARTER);
  let offset = zone.offsets.get(quarter);
  if (offset === undefined) {
    const at: Record<string, number> = {};
    for (const part of zone.format.formatToParts(quarter * QUARTER)) at[part.type] = Number(part.value);
    offset = Date.UTC(at.year, at.month - 1, at.day, at.hour, at.minute, at.second) - quarter * QUARTER;
    if (zone.offsets.size >= MOST) zone.offsets.clear();
    zone.offsets.set(quarter, offset);
  }
  return offset;
}
