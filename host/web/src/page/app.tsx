// Which of the two pages the address means. Going from one to the other needs no new document.

import { computed, signal } from '@preact/signals';
import { IndexPage } from './index';
import { LivePage } from './livepage';
import { logOf, urlOf } from './url';

const path = signal(location.pathname);
const log = computed(() => logOf({ pathname: path.value }, document.baseURI));

window.addEventListener('popstate', () => (path.value = location.pathname));

/** Opens a log, or the list for ''. */
export function go(to: string): void {
  const url = to === '' ? new URL(document.baseURI) : urlOf(to, document.baseURI);
  history.pushState(null, '', url.pathname);
  path.value = location.pathname;
}

/** A link that stays within the document, unless a new tab was asked for. */
export function follow(event: MouseEvent, to: string): void {
  if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  go(to);
}

export function App() {
  return log.value === '' ? <IndexPage /> : <LivePage key={log.value} log={log.value} />;
}
