// Values that this browser keeps, the same in all of its tabs. A browser that refuses storage keeps them for as long as the page is open.

import { signal, type Signal } from '@preact/signals';

/** A kept value. read makes it of what was stored, which may be anything, or null for nothing. */
export function kept<T>(name: string, read: (stored: unknown) => T): Signal<T> {
  const load = (text: string | null): T => {
    try {
      return read(JSON.parse(text ?? 'null'));
    } catch {
      return read(null);
    }
  };
  let stored: string | null = null;
  try {
    stored = localStorage.getItem(name);
  } catch {
    // private browsing: fine
  }
  const value = signal(load(stored));
  let told = true; // what is there already need not be written
  value.subscribe((now) => {
    if (told) {
      told = false;
      return;
    }
    try {
      localStorage.setItem(name, JSON.stringify(now));
    } catch {
      // no room, or private browsing
    }
  });
  window.addEventListener('storage', (event) => {
    if (event.key !== name) return;
    const now = load(event.newValue);
    if (JSON.stringify(now) === JSON.stringify(value.peek())) return;
    told = true;
    value.value = now;
  });
  return value;
}

/** Only the strings of what was stored, so many at most. */
export function strings(stored: unknown, most: number): string[] {
  return Array.isArray(stored) ? stored.filter((s): s is string => typeof s === 'string').slice(0, most) : [];
}
