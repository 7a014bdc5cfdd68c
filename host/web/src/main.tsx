import { render } from 'preact';
import './style/base.css';
import './style/index.css';
import './style/live.css';
import './style/rows.css';
import { App } from './page/app';

render(<App />, document.getElementById('app')!);
