// Which of the two pages the address means. Going from one to the other needs no new document.

import { batch, computed, signal } from '@preact/signals';
import { IndexPage } from './index';
import { LivePage } from './livepage';
import { logOf, parseView, urlOf } from './url';

const path = signal(location.pathname);
/** Which logs are merged into the one at the path: another view altogether. */
const merged = signal(parseView(location.search).others.join('\n'));
const log = computed(() => logOf({ pathname: path.value }, document.baseURI));

function arrived(): void {
  batch(() => {
    path.value = location.pathname;
    merged.value = parseView(location.search).others.join('\n');
  });
}

window.addEventListener('popstate', arrived);

/** Opens a log, or the list for ''; with others, merged by time. */
export function go(to: string, others: readonly string[] = []): void {
  const url = to === '' ? new URL(document.baseURI) : urlOf(to, document.baseURI);
  others.forEach((log) => url.searchParams.append('with', log));
  history.pushState(null, '', url.pathname + url.search);
  arrived();
}

/** A link that stays within the document, unless a new tab was asked for. */
export function follow(event: MouseEvent, to: string): void {
  if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  go(to);
}

export function App() {
  return log.value === '' ? <IndexPage /> : <LivePage key={`${log.value}\n${merged.value}`} log={log.value} />;
}
