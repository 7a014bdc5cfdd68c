// Going to a time.

import { useSignal, type Signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { t } from '../i18n/text';
import { when } from '../text/when';
import { Dialog } from './dialog';
import type { Live } from './live';

export function WhenDialog({ live, open }: { live: Live; open: Signal<boolean> }) {
  return <Dialog open={open} label={t('jumpTime')} cls="palette when"><Body live={live} open={open} /></Dialog>;
}

function Body({ live, open }: { live: Live; open: Signal<boolean> }) {
  const input = useRef<HTMLInputElement>(null);
  const typed = useSignal('');
  useEffect(() => input.current?.focus(), []);
  const time = when(typed.value, Date.now());
  const submit = (e: Event) => {
    e.preventDefault();
    if (time === null) return;
    open.value = false;
    live.times.go(time);
    live.surface.element.focus();
  };
  return (
    <form onSubmit={submit}>
      <input ref={input} type="text" aria-label={t('jumpTime')} placeholder={t('jumpTimePlaceholder')} value={typed.value} spellcheck={false} autocomplete="off" onInput={(e) => (typed.value = e.currentTarget.value)} />
      <p class="when-hint" role="status">{typed.value === '' ? t('jumpTimeHint') : time === null ? t('jumpTimeUnknown') : new Date(time).toLocaleString()}</p>
    </form>
  );
}
