// The marked lines of a log. A click shows one in its place.

import { number, t } from '../i18n/text';
import { LEVELS, levelOf } from '../text/level';
import { Icon } from './icons';
import type { Live } from './live';

export function BookmarkList({ live }: { live: Live }) {
  const { bookmarks } = live;
  if (!bookmarks.open.value) return null;
  const close = () => {
    bookmarks.open.value = false;
    live.surface.element.focus();
  };
  const list = bookmarks.lists.value.flatMap((l, part) => l.map((b) => ({ ...b, part })));
  list.sort((a, b) => (b.time ?? 0) - (a.time ?? 0));
  return (
    <aside class="drawer results" aria-label={t('bookmarks')} onKeyDown={(e) => { if (e.key === 'Escape') { close(); e.preventDefault(); e.stopPropagation(); } }}>
      <header>
        <h2>{t('bookmarks')} <small>{number(list.length)}</small></h2>
        <span class="grow" />
        <button type="button" class="tool" aria-label={t('close')} title={t('close')} onClick={close}><Icon name="close" /></button>
      </header>
      {list.length === 0 && <p class="notice">{t('noBookmarks')}</p>}
      <ol class="hitlist">
        {list.map((b) => (
          <li key={`${b.part} ${b.at}`} class={live.logs.length > 1 ? `part${b.part}` : ''}>
            <button type="button" class={`hit-row l${levelOf(b.text)}`} onClick={() => bookmarks.go(b)}>
              <i class="g" title={t(`lv_${LEVELS[levelOf(b.text)]}`)} aria-hidden="true" /><span>{b.text}</span>
            </button>
            <button type="button" class="tool" title={t('removeFilter', { what: t('bookmark') })} aria-label={t('removeFilter', { what: b.text.slice(0, 60) })} onClick={() => bookmarks.remove(b.part, b.at)}><Icon name="close" /></button>
          </li>
        ))}
      </ol>
    </aside>
  );
}
