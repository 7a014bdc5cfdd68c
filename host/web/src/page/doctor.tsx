// "Why do I see nothing?": what the server knows about a log.

import { useSignal, type Signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { t } from '../i18n/text';
import { Dialog } from './dialog';
import { Icon } from './icons';

interface Finding {
  id: string;
  level: 'ok' | 'note' | 'problem';
  what: string;
  do: string;
}

export function DoctorDialog({ log, open }: { log: string; open: Signal<boolean> }) {
  return (
    <Dialog open={open} label={t('why')} cls="doctor">
      <header><h2>{t('why')}</h2><button type="button" class="tool" aria-label={t('close')} onClick={() => (open.value = false)}><Icon name="close" /></button></header>
      <Findings log={log} />
    </Dialog>
  );
}

function Findings({ log }: { log: string }) {
  const findings = useSignal<Finding[] | null>(null);
  const problem = useSignal('');
  useEffect(() => {
    const abort = new AbortController();
    ask(log, abort.signal).then((found) => (findings.value = found), (error: unknown) => {
      if (!abort.signal.aborted) problem.value = error instanceof Error ? error.message : String(error);
    });
    return () => abort.abort();
  }, []);
  if (problem.value) return <p class="doctor-note">{t('whyFailed', { reason: problem.value })}</p>;
  if (findings.value === null) return <p class="doctor-note" role="status">{t('whyAsking')}</p>;
  if (findings.value.length === 0) return <p class="doctor-note">{t('whyNothing')}</p>;
  return (
    <ul class="findings">
      {findings.value.map((f) => (
        <li key={f.id + f.what} class={`finding ${f.level}`}>
          <i aria-hidden="true" />
          <div><b>{t(f.level === 'ok' ? 'findingOk' : f.level === 'note' ? 'findingNote' : 'findingProblem')}</b> {f.what}{f.do && <p>{f.do}</p>}</div>
        </li>
      ))}
    </ul>
  );
}

async function ask(log: string, signal: AbortSignal): Promise<Finding[]> {
  const url = new URL('-/doctor', document.baseURI);
  url.searchParams.set('log', log);
  const response = await fetch(url, { headers: { Accept: 'application/json' }, signal });
  if (response.status === 404 || response.status === 501) throw new Error(t('whyUnsupported'));
  if (response.status === 403) throw new Error(t('err_not_allowed'));
  if (!response.ok) throw new Error(`${response.status} ${response.statusText}`.trim());
  const body = (await response.json()) as { findings?: Finding[] };
  return body.findings ?? [];
}
