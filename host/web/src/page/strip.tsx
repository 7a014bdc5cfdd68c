// The strip along the bottom: how the tail itself is doing. A quiet log and a dead connection must not look alike.

import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { bytes, duration, number, t } from '../i18n/text';
import type { Panels } from './panes';
import type { Live } from './live';

export function Strip({ live, panels }: { live: Live; panels: Panels }) {
  const now = useSignal(Date.now());
  useEffect(() => {
    const timer = setInterval(() => (now.value = Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  const s = live.state.value;
  const stats = live.stats.value;
  const beat = live.beat.value;
  const open = s.phase === 'open';
  const gaps = Math.max(stats.gaps, live.gapsHeld.value);
  const quiet = stats.lastLineAt > 0 ? now.value - stats.lastLineAt : 0;
  const heard = Math.max(0, now.value - stats.lastHeardAt);

  let kind = 'good';
  let label = t('connected');
  if (open && s.plugin !== 'up') {
    kind = 'warn';
    label = t(s.plugin === 'restarting' ? 'pluginRestarting' : 'pluginDown');
  } else if (s.phase === 'connecting') {
    kind = 'warn';
    label = s.attempt > 0 ? t('reconnecting') : t('connecting');
  } else if (s.phase === 'waiting') {
    kind = 'warn';
    label = t('reconnectIn', { s: String(Math.max(0, Math.ceil((s.retryAt - now.value) / 1000))) });
  } else if (!open) {
    kind = 'bad';
    label = t(s.phase === 'refused' ? 'refused' : 'ended');
  }
  return (
    <footer class="strip" data-phase={s.phase}>
      <span class={`lamp ${kind}`} role="status"><i aria-hidden="true" />{label}</span>
      {s.phase === 'waiting' && <button type="button" onClick={() => live.retry()}>{t('retryNow')}</button>}
      {open && beat?.rttMs != null && <span class="item" title={t('rtt')}><em>{t('rtt')}</em>{beat.rttMs < 10 ? beat.rttMs.toFixed(1) : Math.round(beat.rttMs)} ms</span>}
      {open && (beat?.behind
        ? <span class="item" title={t('behind')}><em>{t('behind')}</em>{bytes(beat.behind)}</span>
        : (stats.caughtUp || beat) && <span class="item">{t('behindNone')}</span>)}
      {open && (stats.perSecond > 0 || quiet < 5000
        ? <span class="item rate">{t('rate', { n: number(stats.perSecond) })}</span>
        : <span class="item" title={t('idleHint', { time: duration(heard) })}>{t('idle', { time: duration(Math.floor(quiet / 1000) * 1000).replace('.0', '') })}</span>)}
      <span class={gaps > 0 ? 'item gaps some' : 'item gaps'} title={t('gapsHint')}>{gaps > 0 ? t(gaps === 1 ? 'gap1' : 'gaps', { n: number(gaps) }) : t('noGaps')}</span>
      {s.phase !== 'refused' && <button type="button" class="why" title={t('why')} onClick={() => (panels.why.value = true)}>{t('whyShort')}</button>}
      <span class="grow" />
      {!live.attached.value && <span class="item away">{t('notLive')}</span>}
      <span class="item held">{t('loadedLines', { n: number(live.held.value) })}</span>
    </footer>
  );
}
