// Which of the two pages the address means. Going from one to the other needs no new document.

import { IndexPage } from './index';
import { LivePage } from './livepage';
import { panes } from './panes';

export function App() {
  return panes.value.length === 0 ? <IndexPage /> : <LivePage panes={panes.value} />;
}
