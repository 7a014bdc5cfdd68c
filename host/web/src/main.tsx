import { render } from 'preact';
import './style/base.css';
import './style/index.css';
import './style/live.css';
import './style/rows.css';
import { ready } from './i18n/text';
import { App } from './page/app';

void ready.then(() => render(<App />, document.getElementById('app')!));
