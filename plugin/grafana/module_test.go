package main

import (
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// front runs module.js with stand-ins for what Grafana gives to plugins.
const front = `
const fs = require('fs');
let asked = [], logs = [], ended;
const backend = class { constructor(s) { this.settings = s; } query(r) { return 'once:' + r.targets.length; } getResource(path) { return Promise.resolve(path === 'logs' ? ['/a.log', '/b.log'] : []); } };
const given = {
  '@grafana/data': { LiveChannelScope: { DataSource: 'ds' }, DataSourcePlugin: class {
    constructor(ds) { this.DataSource = ds; } setConfigEditor(e) { this.config = e; return this; } setQueryEditor(e) { this.query = e; return this; } } },
  '@grafana/runtime': { DataSourceWithBackend: backend, getTemplateSrv: () => ({ replace: (t) => t.replace('$log', '/var/log/app.log') }),
    getGrafanaLiveSrv: () => ({ getDataStream: (o) => { asked.push(o); return 'stream'; } }) },
  'react': { createElement: (type, props, ...children) => ({ type, props: props || {}, children: children.flat() }),
    useState: (v) => [logs.length ? logs : v, (now) => { logs = now; }], useEffect: (run) => { ended = run(); }, useId: () => 'id' },
  'rxjs': { merge: (...a) => a, of: (x) => [x] },
};
let plugin;
new Function('define', fs.readFileSync('module.js', 'utf8'))((names, make) => { plugin = make(...names.map((n) => { if (!given[n]) throw new Error(n); return given[n]; })).plugin; });
const ds = new plugin.DataSource({ uid: 'abcdefghij0123456789abcdefghij0123456789' });
const target = (over) => Object.assign({ refId: 'A', log: '$log', include: 'x'.repeat(200), lines: '50' }, over);
const got = ds.query({ requestId: 'Q1', scopedVars: {}, targets: [target({}), target({ include: 'y' }), target({ live: false }), target({ hide: true }), target({ log: '' })] });

// What stands beside a label of an editor, and all elements of a kind.
const all = (tree, is) => !tree || typeof tree !== 'object' ? [] : [...(is(tree) ? [tree] : []), ...tree.children.flatMap((c) => all(c, is))];
const beside = (tree, label) => all(tree, (e) => e.type === 'div' && e.children[0] && e.children[0].type === 'label' && e.children[0].children[0] === label)[0].children[1];

// A user edits a query, and then the settings; each change is given back, as Grafana does.
let query = { refId: 'A' }, ran = 0;
const queryEditor = () => plugin.query({ query, onChange: (q) => { query = q; }, onRunQuery: () => { ran++; }, datasource: ds });
queryEditor();
let options = { url: '', jsonData: { other: 1 }, secureJsonFields: {}, secureJsonData: {} };
const configEditor = () => plugin.config({ options, onOptionsChange: (o) => { options = o; } });
const type = (editor, label, value) => beside(editor(), label).props.onBlur({ target: { value } });
const check = (editor, label, checked) => beside(editor(), label).props.onChange({ target: { checked } });
setTimeout(() => { // After the list of logs has come.
  const offered = all(queryEditor(), (e) => e.type === 'option').map((e) => e.props.value);
  type(queryEditor, 'Log', '/a.log'); type(queryEditor, 'Include', 'x'); type(queryEditor, 'Exclude', 'y'); type(queryEditor, 'Lines', '20'); check(queryEditor, 'Live', false);
  type(configEditor, 'URL', 'https://logs'); type(configEditor, 'User', 'ann'); type(configEditor, 'Password', 'p'); type(configEditor, 'or token', 't');
  type(configEditor, 'CA certificate', 'PEM'); check(configEditor, 'Skip TLS check', true); type(configEditor, 'Time zone', 'utc');
  const entered = options;
  options = { ...options, secureJsonFields: { token: true, tlsCACert: true }, secureJsonData: {} }; // As it comes back once it is saved: without the secrets.
  const shown = JSON.stringify(configEditor());
  beside(configEditor(), 'or token').props.onClick(); beside(configEditor(), 'CA certificate').props.onClick();
  ended();
  console.log(JSON.stringify({ got, asked, offered, query, ran, entered, shown, cleared: options, empty: ds.query({ targets: [], scopedVars: {} }) }));
}, 0);
`

// answers are what the program above prints.
type answers struct {
	Got     []string
	Offered []string
	Query   struct {
		Log, Include, Exclude string
		Lines                 int
		Live                  *bool
	}
	Ran              int
	Shown            string
	Entered, Cleared struct {
		URL, BasicAuthUser string
		BasicAuth          bool
		JSONData           map[string]any
		SecureJSONFields   map[string]bool
		SecureJSONData     map[string]string
	}
	Asked []struct {
		Key  string
		Addr struct {
			Scope, Stream, Path string
			Data                json.RawMessage
		}
	}
}

func TestModule_StreamsAreAskedForAsGrafanaLiveWantsAndEditorsWork(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("no node on PATH")
	}
	out, err := exec.CommandContext(t.Context(), node, "-e", front).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var r answers
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if strings.Join(r.Got, " ") != "stream stream once:1" || len(r.Asked) != 2 {
		t.Fatalf("got %v, %d streams", r.Got, len(r.Asked))
	}
	for _, a := range r.Asked {
		whole := a.Addr.Scope + "/" + a.Addr.Stream + "/" + a.Addr.Path
		if len(whole) > 160 || !regexp.MustCompile(`^[A-Za-z0-9_\-/=.]+$`).MatchString(a.Addr.Path) {
			t.Errorf("the channel %q does not do", whole)
		}
		if q, err := parseQuery(a.Addr.Data); err != nil || q.Log != "/var/log/app.log" || q.Lines != 50 {
			t.Errorf("the back end reads %s as %v, %v", a.Addr.Data, q, err)
		}
	}
	r.edited(t)
	if r.Asked[0].Addr.Path == r.Asked[1].Addr.Path {
		t.Error("two queries share a channel")
	}
}

// edited holds what the editors made of what a user entered.
func (r answers) edited(t *testing.T) {
	t.Helper()
	if !slices.Equal(r.Offered, []string{"/a.log", "/b.log"}) {
		t.Errorf("the logs %v are offered", r.Offered)
	}
	if q := r.Query; q.Log != "/a.log" || q.Include != "x" || q.Exclude != "y" || q.Lines != 20 || q.Live == nil || *q.Live || r.Ran != 5 {
		t.Errorf("the query is %+v, run %d times", q, r.Ran)
	}
	e := r.Entered
	if e.URL != "https://logs" || e.BasicAuthUser != "ann" || !e.BasicAuth ||
		!maps.Equal(e.JSONData, map[string]any{"other": 1.0, "timeZone": "utc", "tlsAuthWithCACert": true, "tlsSkipVerify": true}) ||
		!maps.Equal(e.SecureJSONData, map[string]string{"basicAuthPassword": "p", "token": "t", "tlsCACert": "PEM"}) {
		t.Errorf("the settings are %+v", e)
	}
	if strings.Contains(r.Shown, `"PEM"`) || strings.Count(r.Shown, "Change") != 2 {
		t.Errorf("of what is saved, the editor shows %s", r.Shown)
	}
	if c := r.Cleared; c.SecureJSONFields["token"] || c.SecureJSONFields["tlsCACert"] || c.JSONData["tlsAuthWithCACert"] != false || c.SecureJSONData["token"] != "" {
		t.Errorf("to be entered anew: %+v", c)
	}
}

func TestPluginJSON_NamesWhatIsThere(t *testing.T) {
	b, err := os.ReadFile("plugin.json")
	if err != nil {
		t.Fatal(err)
	}
	var p struct {
		ID, Executable     string
		Backend, Streaming bool
		Info               struct{ Logos struct{ Small string } }
	}
	if err := json.Unmarshal(b, &p); err != nil {
		t.Fatal(err)
	}
	if p.ID != pluginID || p.Executable != "gpx_livetail" || !p.Backend || !p.Streaming {
		t.Errorf("got %+v", p)
	}
	if _, err := os.Stat(p.Info.Logos.Small); err != nil {
		t.Error(err)
	}
}
