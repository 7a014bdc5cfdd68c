package e2e

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

// What compose mounts into containers is there.
func TestDocs_Compose_MountsWhatThereIs(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "docker-compose.yml"))
	if err != nil {
		t.Fatal(err)
	}
	var compose struct {
		Services map[string]struct{ Volumes []string }
	}
	if err := yaml.Unmarshal(text, &compose); err != nil {
		t.Fatal(err)
	}
	mounted := 0
	for name, s := range compose.Services {
		for _, v := range s.Volumes {
			from, _, _ := strings.Cut(v, ":")
			if !strings.HasPrefix(from, "./") {
				continue
			}
			mounted++
			if _, err := os.Stat(filepath.Join(root, from)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if !strings.HasSuffix(v, ":ro") {
				t.Errorf("%s may write to %s", name, from)
			}
		}
	}
	if mounted < 4 {
		t.Errorf("only %d files and folders are mounted", mounted)
	}
}

// The derived field makes of a trace an address of Explore, whose query finds the lines of that trace.
func TestDocs_Provisioning_LinkOfATraceFindsItsLines(t *testing.T) {
	var file struct {
		Datasources []struct {
			UID, Type, URL string
			JSONData       struct {
				DerivedFields []struct {
					MatcherType  string `yaml:"matcherType"`
					MatcherRegex string `yaml:"matcherRegex"`
					URL          string
				} `yaml:"derivedFields"`
			} `yaml:"jsonData"`
		}
	}
	if err := yaml.Unmarshal([]byte(docs(t, "grafana/provisioning/datasources/livetail.yml")), &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Datasources) != 2 || file.Datasources[0].Type != "loki" || len(file.Datasources[0].JSONData.DerivedFields) != 1 {
		t.Fatalf("got %+v", file)
	}
	field := file.Datasources[0].JSONData.DerivedFields[0]
	if field.MatcherType != "label" || field.MatcherRegex != "trace_id" {
		t.Errorf("got %+v", field)
	}
	u, err := url.Parse(strings.ReplaceAll(field.URL, "$${__value.raw}", traceID)) // Grafana makes one dollar of two.
	if err != nil || u.Path != "/explore" {
		t.Fatalf("%s: %v", field.URL, err)
	}
	var panes map[string]struct {
		Datasource string
		Queries    []struct{ Expr string }
	}
	if err := json.Unmarshal([]byte(u.Query().Get("panes")), &panes); err != nil {
		t.Fatal(err)
	}
	pane := panes["t"]
	if pane.Datasource != file.Datasources[0].UID || len(pane.Queries) != 1 {
		t.Fatalf("got %+v", panes)
	}
	dir := t.TempDir()
	appendTo(t, filepath.Join(dir, "app.log"), fmt.Sprintf("%s one trace_id=%s\n%[1]s two trace_id=%[3]s\n", time.Now().Format(time.RFC3339), traceID, strings.Repeat("7", 32)))
	addr, _ := serve(t, dir)
	got := lokiGet(t, addr, "query_range", url.Values{"query": {pane.Queries[0].Expr}}).entries(t)
	if len(got) != 1 || !strings.Contains(got[0].line, " one ") {
		t.Errorf("got %v", got)
	}
}

// A viewer that reads times itself is told the zone of the log, and where traces are shown.
func TestServe_HelloSaysTheZoneOfTheLogAndWhereTracesAre(t *testing.T) {
	t.Setenv("TZ", "America/New_York")
	dir := t.TempDir()
	for _, name := range []string{"berlin.log", "india.log", "other.log"} {
		appendTo(t, filepath.Join(dir, name), "x\n")
	}
	addr, _ := serve(t, "--time-zone", dir+"/berlin*=Europe/Berlin", "--time-zone", dir+"/india.log=+0530", "--trace-url", "https://tempo.example.org/{trace_id}", dir)
	for name, want := range map[string]string{"berlin.log": "Europe/Berlin", "india.log": "+05:30", "other.log": "America/New_York"} {
		var hello struct {
			Zone     string
			TraceURL string `json:"trace_url"`
		}
		if err := json.Unmarshal([]byte(firstMessage(t, addr, filepath.Join(dir, name))), &hello); err != nil {
			t.Fatal(err)
		}
		if hello.Zone != want || hello.TraceURL != "https://tempo.example.org/{trace_id}" {
			t.Errorf("%s: got %+v", name, hello)
		}
	}
	for setting, value := range map[string]string{"--trace-url": "javascript:{trace_id}", "--time-zone": "Atlantis"} {
		p := start(t, "livetail", "serve", "--listen", "127.0.0.1:0", setting, value, dir)
		if code := p.wait(); code != 2 || !strings.Contains(p.said(), setting[2:]) {
			t.Errorf("%s %s: %d %s", setting, value, code, p.said())
		}
	}
}
