// The live view: one log, or several side by side, each with its own place, filter and search.

import { useEffect } from 'preact/hooks';
import { number, t } from '../i18n/text';
import { Icon, Logo } from './icons';
import { splitPath } from './list';
import { active, follow, panes, shown, unseenLines, type Pane } from './panes';
import { PaneView, Tools } from './paneview';
import * as prefs from './prefs';
import { FoldButton, FullScreenExit, WrapButton } from './settings';

export function LivePage({ panes: logs }: { panes: readonly Pane[] }) {
  const alone = logs.length === 1;
  const skip = (e: Event) => {
    e.preventDefault();
    shown.get(active.value)?.surface.element.focus();
  };

  // A tab in the background says how much there is to read.
  useEffect(() => unseenLines.subscribe((n) => {
    document.title = `${n > 0 ? `(${number(n)}) ` : ''}${logs.map((p) => splitPath(p.log).name).join(' · ')} · livetail`;
  }), [logs]);

  return (
    <div class={prefs.bare.value ? 'live bare' : 'live'}>
      <a class="skip" href={`#log${active.value}`} onClick={skip}>{t('skip')}</a>
      {!alone && <TopBar />}
      <main class={`panes${alone ? '' : ' several'}${!alone && prefs.stacked.value ? ' stacked' : ''}`}>
        {logs.map((pane, i) => <PaneView key={pane.id} pane={pane} at={i} alone={alone} />)}
      </main>
      {prefs.bare.value && <FullScreenExit />}
    </div>
  );
}

function TopBar() {
  const front = panes.value.find((p) => p.id === active.value);
  return (
    <header class="bar top">
      <a class="home" href={new URL(document.baseURI).pathname} onClick={(e) => follow(e, '')} title={t('allLogs')} aria-label={t('allLogs')}><Logo /></a>
      <h1>{t('sideBySide', { n: number(panes.value.length) })}</h1>
      <span class="grow" />
      <button type="button" class="tool" aria-pressed={prefs.stacked.value} title={t('stacked')} aria-label={t('stacked')} onClick={() => (prefs.stacked.value = !prefs.stacked.value)}><Icon name={prefs.stacked.value ? 'rows' : 'columns'} /></button>
      <FoldButton />
      <WrapButton />
      {front && <Tools panels={front.panels} />}
    </header>
  );
}
