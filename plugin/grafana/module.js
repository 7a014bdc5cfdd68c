// The front end of the data source, as Grafana loads it: an AMD module, written by hand, so that there is nothing to build.
define(['@grafana/data', '@grafana/runtime', 'react', 'rxjs'], function (data, runtime, React, rxjs) {
  'use strict';
  const h = React.createElement;

  // A stream is named by what it is asked for, so that all panels that ask for the same share one. A name has at most 160 characters.
  function channel(query) {
    const text = JSON.stringify([query.log, query.include, query.exclude, query.lines]);
    let a = 0x811c9dc5, b = 0x1b873593;
    for (let i = 0; i < text.length; i++) {
      a = Math.imul(a ^ text.charCodeAt(i), 0x01000193) >>> 0;
      b = Math.imul(b ^ text.charCodeAt(i), 0x85ebca6b) >>> 0;
    }
    return 'tail/' + a.toString(16) + b.toString(16) + '-' + text.length;
  }

  class DataSource extends runtime.DataSourceWithBackend {
    constructor(settings) {
      super(settings);
      this.uidOfSource = settings.uid;
    }

    filterQuery(query) {
      return Boolean(query.log) && !query.hide;
    }

    // The log, with the variables of the dashboard put in.
    resolve(query, scopedVars) {
      const put = (text) => (text ? runtime.getTemplateSrv().replace(text, scopedVars) : undefined);
      return { log: put(query.log), include: put(query.include), exclude: put(query.exclude), lines: Number(query.lines) || undefined };
    }

    applyTemplateVariables(query, scopedVars) {
      return { ...query, ...this.resolve(query, scopedVars) };
    }

    query(request) {
      const asked = request.targets.filter((query) => this.filterQuery(query));
      const streams = asked.filter((query) => query.live !== false);
      const once = { ...request, targets: asked.filter((query) => query.live === false) };
      const all = streams.map((query) => {
        const what = this.resolve(query, request.scopedVars);
        return runtime.getGrafanaLiveSrv().getDataStream({
          key: request.requestId + '-' + query.refId,
          addr: { scope: data.LiveChannelScope.DataSource, stream: this.uidOfSource, namespace: this.uidOfSource, path: channel(what), data: what },
          buffer: { maxLength: Math.max(1000, what.lines || 0) },
        });
      });
      if (once.targets.length > 0) {
        all.push(super.query(once));
      }
      return all.length > 0 ? rxjs.merge(...all) : rxjs.of({ data: [] });
    }
  }

  const field = (label, input) =>
    h('div', { className: 'gf-form', key: label }, h('label', { className: 'gf-form-label width-8' }, label), input);

  const text = (value, change, more) =>
    h('input', { className: 'gf-form-input', type: 'text', defaultValue: value || '', onBlur: (e) => change(e.target.value), ...more });

  function QueryEditor(props) {
    const { query, onChange, onRunQuery, datasource } = props;
    const [logs, setLogs] = React.useState([]);
    const id = React.useId ? React.useId() : 'livetail-logs-' + query.refId;
    React.useEffect(() => {
      let gone = false;
      datasource.getResource('logs').then((list) => gone || setLogs(list), () => undefined);
      return () => { gone = true; };
    }, [datasource]);
    const set = (key) => (value) => {
      onChange({ ...query, [key]: value });
      onRunQuery();
    };
    return h('div', null,
      field('Log', text(query.log, set('log'), { placeholder: '/var/log/app.log', list: id })),
      h('datalist', { id: id }, logs.map((log) => h('option', { key: log, value: log }))),
      field('Include', text(query.include, set('include'), { placeholder: 'regular expression' })),
      field('Exclude', text(query.exclude, set('exclude'), { placeholder: 'regular expression' })),
      field('Lines', text(query.lines, (value) => set('lines')(Number(value) || undefined), { type: 'number', min: 1, max: 10000, placeholder: '1000' })),
      field('Live', h('input', { type: 'checkbox', checked: query.live !== false, onChange: (e) => set('live')(e.target.checked) })));
  }

  function ConfigEditor(props) {
    const { options, onOptionsChange } = props;
    const set = (change) => onOptionsChange({ ...options, ...change });
    const secret = (key, label) =>
      field(label, options.secureJsonFields && options.secureJsonFields[key]
        ? h('button', { type: 'button', className: 'btn btn-secondary', onClick: () => set({
            secureJsonFields: { ...options.secureJsonFields, [key]: false }, secureJsonData: { ...options.secureJsonData, [key]: '' } }) }, 'Change')
        : text('', (value) => set({ secureJsonData: { ...options.secureJsonData, [key]: value } }), { type: 'password', autoComplete: 'new-password' }));
    const more = options.jsonData || {};
    const setMore = (change) => set({ jsonData: { ...more, ...change } });
    // A text in PEM that Grafana keeps encrypted; the switch says that there is one.
    const pem = (key, label, on) =>
      field(label, options.secureJsonFields && options.secureJsonFields[key]
        ? h('button', { type: 'button', className: 'btn btn-secondary', onClick: () => set({
            jsonData: { ...more, [on]: false },
            secureJsonFields: { ...options.secureJsonFields, [key]: false }, secureJsonData: { ...options.secureJsonData, [key]: '' } }) }, 'Change')
        : h('textarea', { className: 'gf-form-input', rows: 3, placeholder: '-----BEGIN …', defaultValue: '', onBlur: (e) => e.target.value && set({
            jsonData: { ...more, [on]: true }, secureJsonData: { ...options.secureJsonData, [key]: e.target.value } }) }));
    return h('div', null,
      field('URL', text(options.url, (value) => set({ url: value }), { placeholder: 'http://127.0.0.1:8765' })),
      field('User', text(options.basicAuthUser, (value) => set({ basicAuthUser: value, basicAuth: value !== '' }), { placeholder: 'none' })),
      secret('basicAuthPassword', 'Password'),
      secret('token', 'or token'),
      pem('tlsCACert', 'CA certificate', 'tlsAuthWithCACert'),
      pem('tlsClientCert', 'Client certificate', 'tlsAuth'),
      pem('tlsClientKey', 'Client key', 'tlsAuth'),
      field('Skip TLS check', h('input', { type: 'checkbox', checked: Boolean(more.tlsSkipVerify), onChange: (e) => setMore({ tlsSkipVerify: e.target.checked }) })),
      field('Time zone', text(more.timeZone, (value) => setMore({ timeZone: value || undefined }), { placeholder: 'that of Grafana; utc, +05:30, Europe/Berlin' })));
  }

  return { plugin: new data.DataSourcePlugin(DataSource).setConfigEditor(ConfigEditor).setQueryEditor(QueryEditor) };
});
