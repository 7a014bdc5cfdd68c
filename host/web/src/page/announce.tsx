// For screen readers: not every line as it comes, which nobody could follow, but now and then how many came.

import { useEffect, useRef } from 'preact/hooks';
import { number, t } from '../i18n/text';
import type { Live } from './live';

const EVERY = 10_000;

export function Announcer({ live }: { live: Live }) {
  const region = useRef<HTMLDivElement>(null);
  useEffect(() => {
    let said = live.stats.peek().lines;
    const timer = setInterval(() => {
      const { lines } = live.stats.peek();
      if (lines > said && region.current) region.current.textContent = t('announceNew', { n: number(lines - said) });
      said = lines;
    }, EVERY);
    return () => clearInterval(timer);
  }, [live]);
  return <div ref={region} class="offscreen" role="status" aria-live="polite" />;
}
