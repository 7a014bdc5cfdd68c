// Line icons, 16 by 16.

const paths = {
  follow: 'M8 2v9m-4-4 4 4 4-4M3 14h10', pause: 'M5.5 3v10M10.5 3v10', wrap: 'M2 4h12M2 8h9.5a2.5 2.5 0 0 1 0 5H9m1.5-2L8.500 13l2 2M2 12.500h3.500', light: 'M8 1.500v1M8 13.500v1M1.500 8h1M13.500 8h1M3.400 3.400l.7.7M11.900 11.900l.7.7M3.400 12.600l.7-.7M11.900 4.100l.7-.7M8 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6z',
  dark: 'M13 9.500A5.500 5.500 0 1 1 6.500 3a4.500 4.500 0 0 0 6.500 6.500z', system: 'M2 3h12v8H2zM6 14h4M8 11v3', help: 'M6 6a2 2 0 1 1 2.800 1.800C8.200 8.100 8 8.500 8 9.200M8 12v.2M8 1.500a6.500 6.500 0 1 0 0 13 6.500 6.500 0 0 0 0-13z',
  find: 'M7 2.500a4.500 4.500 0 1 0 0 9 4.500 4.500 0 0 0 0-9zM10.500 10.500 14 14', filter: 'M2 3h12l-4.500 5.500V13l-3-1.500v-3z', close: 'M4 4l8 8M12 4l-8 8', up: 'M4 10l4-4 4 4', down: 'M4 6l4 4 4-4', more: 'M3 8h.01M8 8h.01M13 8h.01',
  copy: 'M5.500 5.500h8v8h-8zM3.500 10.500h-1v-8h8v1', link: 'M7 9a2.500 2.500 0 0 0 3.600 0l2.200-2.200a2.500 2.500 0 0 0-3.600-3.600L8.500 4M9 7a2.500 2.500 0 0 0-3.600 0L3.200 9.200a2.500 2.500 0 0 0 3.600 3.600l.7-.8',
  fold: 'M3 3h10M3 13h10M8 5v5.500M5.500 8 8 10.500 10.500 8',
  clock: 'M8 1.500a6.500 6.500 0 1 0 0 13 6.500 6.500 0 0 0 0-13zM8 4.500V8l2.500 1.500',
  add: 'M2.500 2.500h6v11h-6zM12.500 5.500v5M10 8h5', columns: 'M2.500 2.500h11v11h-11zM8 2.500v11', rows: 'M2.500 2.500h11v11h-11zM2.500 8h11', full: 'M2.500 6v-3.500H6M10 2.500h3.500V6M13.500 10v3.500H10M6 13.500H2.500V10', unfull: 'M6 2.500V6H2.500M13.500 6H10V2.500M10 13.500V10h3.500M2.500 10H6v3.500',
  star: 'M8 1.800l1.900 4 4.300.5-3.200 3 .9 4.300L8 11.500l-3.900 2.100.9-4.300-3.200-3 4.300-.5z', starred: 'M8 1.800l1.900 4 4.300.5-3.200 3 .9 4.300L8 11.500l-3.900 2.100.9-4.300-3.200-3 4.300-.5z',
  mark: 'M4.500 2h7v12L8 10.800 4.500 14z', marked: 'M4.500 2h7v12L8 10.800 4.500 14z',
  file: 'M4 1.500h5l3 3v10H4zM9 1.500v3h3', out: 'M4 12 12 4M6 4h6v6',
} as const;

export type IconName = keyof typeof paths;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false">
      <path d={paths[name]} fill={name === 'starred' || name === 'marked' ? 'currentColor' : 'none'} stroke="currentColor" stroke-width={name === 'more' ? 2.4 : 1.4} stroke-linecap="round" stroke-linejoin="round" />
    </svg>
  );
}

export function Logo() {
  return (
    <svg class="logo" viewBox="0 0 32 32" width="22" height="22" aria-hidden="true" focusable="false">
      <rect width="32" height="32" rx="8" />
      <path d="M8 10h11M8 16h16M8 22h7" />
      <circle cx="22" cy="22" r="3" />
    </svg>
  );
}
