// All there is to say about one line.

import type { Row } from '../model/window';
import { bytes, number, t, type Key } from '../i18n/text';
import { fieldsOf, literal } from '../text/fields';
import { LEVELS } from '../text/level';
import { plain } from '../text/plain';
import { timeOf } from '../text/time';
import { traceLink, traceOf } from '../text/trace';
import { describe } from '../view/row';
import { copiedAt, copyLink, copyText, copyValue } from './copy';
import { Icon } from './icons';
import type { Live } from './live';
import { formatView, urlOf } from './url';

/** More of a line than this is not put into the page; copying and the stream itself have it all. */
const MOST_SHOWN = 256 << 10;

export function Drawer({ live }: { live: Live }) {
  const id = live.selected.value;
  if (!live.drawer.value || id === null) return null;
  const row = live.window.row(id);
  if (!row) return null;
  const close = () => {
    live.drawer.value = false;
    live.surface.element.focus();
  };
  return (
    <aside class="drawer" aria-label={t('details')}>
      <header>
        <h2>{t('details')}</h2>
        <span class="grow" />
        {Date.now() - copiedAt.value < 2000 && <span class="copied" role="status">{t('copied')}</span>}
        <button type="button" class="tool" aria-label={t('close')} onClick={close}><Icon name="close" /></button>
      </header>
      {row.block.kind === 'mark' ? <MarkDetails row={row} /> : <LineDetails live={live} row={row} />}
    </aside>
  );
}

function MarkDetails({ row }: { row: Row }) {
  if (row.block.kind !== 'mark') return null;
  const d = describe(row.block);
  return (
    <div class="drawer-body">
      <p><b>{d.title}</b></p>
      <p>{d.detail}</p>
      {d.facts.length > 0 && <ul class="facts">{d.facts.map((f) => <li key={f}>{f}</li>)}</ul>}
    </div>
  );
}

/** Leads to the trace, where the server says that traces are shown, and otherwise to the lines that name it. */
function TraceLink({ live, trace }: { live: Live; trace: string }) {
  const { traceURL, capabilities } = live.state.value;
  const there = traceLink(traceURL, trace);
  if (there !== '') return <a href={there} target="_blank" rel="noopener noreferrer"><code>{trace}</code></a>;
  if (!capabilities.includes('filter')) return <code>{trace}</code>;
  const here = urlOf(live.log, document.baseURI).pathname + formatView('', { ...live.view.value, include: [trace], exclude: [], at: '' });
  const filter = (e: MouseEvent) => {
    if (e.ctrlKey || e.metaKey || e.shiftKey || e.button !== 0) return;
    e.preventDefault();
    live.filters.set([trace], []);
  };
  return <a href={here} title={t('traceLines')} onClick={filter}><code>{trace}</code></a>;
}

function wholeText(live: Live, row: Row): string {
  let text = live.window.text(row);
  for (let next = live.window.after(row); next && next.block.kind === 'lines' && next.block.piece && text.length < MOST_SHOWN; next = live.window.after(next)) text += String(next.block.text);
  return text;
}

function LineDetails({ live, row }: { live: Live; row: Row }) {
  if (row.block.kind !== 'lines') return null;
  const raw = wholeText(live, row);
  const text = plain(raw);
  const fields = fieldsOf(text);
  const time = timeOf(text, live.window.zones[row.block.part]);
  const trace = traceOf(text);
  const level = LEVELS[row.block.levels[row.index]];
  void live.bookmarks.lists.value;
  const marked = live.bookmarks.has(row);
  const v = live.view.value;
  const filtered = v.include.length + v.exclude.length > 0;
  const canFilter = live.state.value.capabilities.includes('filter');
  return (
    <div class="drawer-body">
      <p class="actions">
        {filtered && <button type="button" class="primary" onClick={() => { live.pause(); live.filters.set([], []); }}>{t('inContext')}</button>}
        <button type="button" onClick={() => void copyText(live, 'text')}><Icon name="copy" />{t('copyText')}</button>
        <button type="button" onClick={() => void copyText(live, 'ansi')}>{t('copyAnsi')}</button>
        <button type="button" onClick={() => void copyText(live, 'markdown')}>{t('copyMarkdown')}</button>
        <button type="button" onClick={() => void copyLink(live)}><Icon name="link" />{t('copyLink')}</button>
        <button type="button" aria-pressed={marked} onClick={() => live.bookmarks.toggle()}><Icon name={marked ? 'marked' : 'mark'} />{t(marked ? 'unbookmarkLine' : 'bookmarkLine')}</button>
      </p>
      <dl class="facts">
        {time !== null && <div><dt>{t('time')}</dt><dd>{new Date(time).toLocaleString()}</dd></div>}
        {trace !== '' && <div><dt>{t('trace')}</dt><dd><TraceLink live={live} trace={trace} /></dd></div>}
        <div><dt>{t('level')}</dt><dd>{t(`lv_${level}` as Key)}</dd></div>
        <div><dt>{t('position')}</dt><dd><code>{live.window.position(row)}</code></dd></div>
        <div><dt>{t('length')}</dt><dd>{bytes(raw.length)}</dd></div>
      </dl>
      {fields.length > 0 && (
        <>
          <h3>{t('fields')} <small>{number(fields.length)}</small></h3>
          <table class="fields">
            <tbody>
              {fields.map((f) => (
                <tr key={f.name}>
                  <th scope="row">{f.name}</th>
                  <td>
                    <span>{f.value}</span>
                    <span class="field-tools">
                      {canFilter && <button type="button" title={t('filterBy')} aria-label={`${t('filterBy')}: ${f.value}`} onClick={() => live.filters.set([...v.include, literal(f.value)], v.exclude)}><Icon name="filter" /></button>}
                      <button type="button" title={t('highlightThis')} aria-label={`${t('highlightThis')}: ${f.value}`} onClick={() => live.setView({ highlight: [...v.highlight, f.value] })}><Icon name="find" /></button>
                      <button type="button" title={t('copy')} aria-label={`${t('copy')}: ${f.value}`} onClick={() => void copyValue(f.value)}><Icon name="copy" /></button>
                    </span>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </>
      )}
      <h3>{t('raw')}</h3>
      <pre tabIndex={0}>{text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN)}…` : text}</pre>
    </div>
  );
}
