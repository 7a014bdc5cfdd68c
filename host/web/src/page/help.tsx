import type { Signal } from '@preact/signals';
import { t, type Key } from '../i18n/text';
import { Dialog } from './dialog';
import { Icon } from './icons';

const keys: [string, Key][] = [
  ['Space', 'k_follow'], ['End', 'k_end'], ['Home', 'k_home'], ['j k ↑ ↓', 'k_select'], ['PgUp PgDn', 'k_scroll'], ['/', 'k_find'], ['n N', 'k_next'], ['f', 'k_filter'], ['s', 'k_search'], ['T', 'k_when'],
  ['e E', 'k_error'], ['w W', 'k_warn'], ['Enter', 'k_open'], ['b', 'k_bookmark'], ['m M', 'k_bookmarks'], ['B', 'k_bookmarkList'], ['i', 'k_edge'], ['c', 'k_copy'], ['C', 'k_copyAnsi'], ['l', 'k_link'], ['z', 'k_wrap'], ['r', 'k_fold'], ['x', 'summary'], ['+ −', 'k_size'], ['t', 'k_theme'], ['v', 'k_add'], ['1 2 3 4', 'k_pane'], ['y', 'k_same'], ['F', 'k_full'], ['*', 'k_star'], ['Ctrl K', 'k_palette'], ['?', 'k_help'],
];

export function Help({ open }: { open: Signal<boolean> }) {
  return (
    <Dialog open={open} label={t('help')} cls="help">
      <header><h2>{t('help')}</h2><button type="button" class="tool" aria-label={t('close')} onClick={() => (open.value = false)}><Icon name="close" /></button></header>
      <dl>
        {keys.map(([key, what]) => (
          <div key={what}><dt>{key.split(' ').map((k) => <kbd key={k}>{k}</kbd>)}</dt><dd>{t(what)}</dd></div>
        ))}
      </dl>
    </Dialog>
  );
}
