// What opens over the log. Loaded right after the page is shown: it is there before anybody can ask for it, and the page is there sooner.

export { BookmarkList } from './bookmarklist';
export { DoctorDialog } from './doctor';
export { Drawer } from './drawer';
export { Help } from './help';
export { Palette } from './palette';
export { Results } from './results';
export { bindCopy } from './copysummary';
export { summarize } from '../text/summary';
export { WhenDialog } from './whendialog';
