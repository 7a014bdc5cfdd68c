package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// front runs module.js with stand-ins for what Grafana gives to plugins.
const front = `
const fs = require('fs');
let asked = [];
const backend = class { constructor(s) { this.settings = s; } query(r) { return 'once:' + r.targets.length; } getResource() { return Promise.resolve([]); } };
const given = {
  '@grafana/data': { LiveChannelScope: { DataSource: 'ds' }, DataSourcePlugin: class {
    constructor(ds) { this.DataSource = ds; } setConfigEditor(e) { this.config = e; return this; } setQueryEditor(e) { this.query = e; return this; } } },
  '@grafana/runtime': { DataSourceWithBackend: backend, getTemplateSrv: () => ({ replace: (t) => t.replace('$log', '/var/log/app.log') }),
    getGrafanaLiveSrv: () => ({ getDataStream: (o) => { asked.push(o); return 'stream'; } }) },
  'react': { createElement: (...a) => a, useState: (v) => [v, () => {}], useEffect: () => {}, useId: () => 'id' },
  'rxjs': { merge: (...a) => a, of: (x) => [x] },
};
let plugin;
new Function('define', fs.readFileSync('module.js', 'utf8'))((names, make) => { plugin = make(...names.map((n) => { if (!given[n]) throw new Error(n); return given[n]; })).plugin; });
const ds = new plugin.DataSource({ uid: 'abcdefghij0123456789abcdefghij0123456789' });
const target = (over) => Object.assign({ refId: 'A', log: '$log', include: 'x'.repeat(200), lines: '50' }, over);
const got = ds.query({ requestId: 'Q1', scopedVars: {}, targets: [target({}), target({ include: 'y' }), target({ live: false }), target({ hide: true }), target({ log: '' })] });
plugin.query({ query: {}, onChange() {}, onRunQuery() {}, datasource: ds });
plugin.config({ options: {}, onOptionsChange() {} });
console.log(JSON.stringify({ got, asked, empty: ds.query({ targets: [], scopedVars: {} }) }));
`

func TestModule_StreamsAreAskedForAsGrafanaLiveWants(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("no node on PATH")
	}
	out, err := exec.CommandContext(t.Context(), node, "-e", front).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var r struct {
		Got   []string
		Asked []struct {
			Key  string
			Addr struct {
				Scope, Stream, Path string
				Data                json.RawMessage
			}
		}
	}
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
	if r.Asked[0].Addr.Path == r.Asked[1].Addr.Path {
		t.Error("two queries share a channel")
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
