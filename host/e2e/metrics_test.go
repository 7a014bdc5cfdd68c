package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// operated starts a front door with a listener for operators, and returns both addresses.
func operated(t *testing.T, dir string, args ...string) (addr, ops string) {
	t.Helper()
	addr, p := serve(t, append(args, "--ops-listen", "127.0.0.1:0", dir)...)
	var said struct{ Address string }
	if err := json.Unmarshal([]byte(p.line("metrics and health for operators")), &said); err != nil {
		t.Fatal(err)
	}
	return addr, said.Address
}

func scrape(t *testing.T, ops string) string {
	t.Helper()
	resp, err := http.Get("http://" + ops + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s %v %s", resp.Status, err, b)
	}
	return string(b)
}

// used is a front door that has done some of everything: a viewer, a Loki client, a rotation.
func used(t *testing.T) (ops string) {
	t.Helper()
	dir := t.TempDir()
	log := filepath.Join(dir, "app.log")
	appendTo(t, log, "one\n")
	addr, ops := operated(t, dir)
	c := dial(t, addr, log+"?tail=1")
	if _, err := text(t, c, "one"); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(log, log+".1"); err != nil {
		t.Fatal(err)
	}
	appendTo(t, log, "two\n")
	if _, err := text(t, c, "two"); err != nil {
		t.Fatal(err)
	}
	lokiGet(t, addr, "query_range", url.Values{"query": {`{job="app"}`}})
	tailClient(t, addr, `{job="app"}`, 2, func(entry) {})
	return ops
}

func TestMetrics_OfARunningFrontDoor_HoldEverythingThatDashboardAndAlertsName(t *testing.T) {
	ops := used(t)
	text := scrape(t, ops)
	series := map[string]bool{"up": true} // That one is Prometheus's own.
	for line := range strings.Lines(text) {
		if name := regexp.MustCompile(`^[a-z_0-9]+`).FindString(line); name != "" {
			series[name] = true
		}
	}
	names := 0
	for _, file := range []string{"alerts.yml", "grafana/dashboards/livetail.json"} {
		b, err := os.ReadFile(filepath.Join(root, "docs", file))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range regexp.MustCompile(`\b(livetail|process|go)_[a-z_]+\b`).FindAllString(string(b), -1) {
			names++
			if !series[name] {
				t.Errorf("%s names %s, of which a running front door says nothing", file, name)
			}
		}
	}
	if names < 30 {
		t.Errorf("%d names were found in the files", names)
	}
	for _, want := range []string{
		`livetail_tailer_rotations_total{how="renamed",mount="/"} 1`, `livetail_tailer_metrics_answered{mount="/"} 1`, `livetail_client_connections_total{protocol="loki"} 1`,
		`livetail_client_connections_total{protocol="plain"} 1`, "livetail_plugin_start_duration_seconds_count 1",
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("%s is missing", want)
		}
	}
	if !regexp.MustCompile(`(?m)^livetail_source_read_lines_total\{source="/[^"]+"\} [1-9]`).MatchString(text) {
		t.Error("no lines were counted by their source")
	}
	for _, never := range []string{"livetail_delivery_latency_seconds_count 0\n", "livetail_http_request_duration_seconds_count 0\n"} {
		if strings.Contains(text, never) {
			t.Errorf("nothing was measured: %s", never)
		}
	}
}

// promtool is Prometheus's own checker, from Debian's package prometheus.
func promtool(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("no promtool on PATH: install the package prometheus")
	}
	return path
}

func TestMetrics_OfARunningFrontDoor_PleasePromtool(t *testing.T) {
	tool := promtool(t)
	cmd := exec.CommandContext(t.Context(), tool, "check", "metrics")
	cmd.Stdin = strings.NewReader(scrape(t, used(t)))
	if out, err := cmd.CombinedOutput(); err != nil || len(bytes.TrimSpace(out)) > 0 {
		t.Errorf("promtool check metrics: %v\n%s", err, out)
	}
}

func TestAlerts_PleasePromtool(t *testing.T) {
	tool := promtool(t)
	docs := filepath.Join(root, "docs")
	for _, args := range [][]string{{"check", "rules", "alerts.yml"}, {"test", "rules", "alerts.test.yml"}} {
		cmd := exec.CommandContext(t.Context(), tool, args...)
		cmd.Dir = docs
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("promtool %v: %v\n%s", args, err, out)
		}
	}
}

// server is a real Prometheus with the files that docs ships, which scrapes a front door each second and evaluates the rules.
type server struct{ addr string }

// prometheus starts one until the test ends.
func prometheus(t *testing.T, ops string) server {
	t.Helper()
	program, err := exec.LookPath("prometheus")
	if err != nil {
		t.Skip("no prometheus on PATH: install the package prometheus")
	}
	dir := t.TempDir()
	put(t, dir, "prometheus.yml", strings.NewReplacer("livetail:8766", ops, "15s", "1s").Replace(docs(t, "prometheus/prometheus.yml")))
	put(t, dir, "alerts.yml", docs(t, "alerts.yml"))
	listen := free(t)
	cmd := exec.Command(program, "--config.file="+filepath.Join(dir, "prometheus.yml"), "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--web.listen-address="+listen, "--log.level=warn")
	startCommand(t, cmd)
	return server{listen}
}

// free is an address of this machine that nobody listens on.
func free(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// get asks the server's API; false if it does not answer, or with an error.
func (s server) get(path string, into any) bool {
	resp, err := http.Get("http://" + s.addr + "/api/v1/" + path)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	return resp.StatusCode == http.StatusOK && json.NewDecoder(resp.Body).Decode(into) == nil
}

// query returns the values of an expression.
func (s server) query(expr string) (values []string, ok bool) {
	var m struct {
		Data struct{ Result []struct{ Value [2]any } }
	}
	if !s.get("query?query="+url.QueryEscape(expr), &m) {
		return nil, false
	}
	for _, r := range m.Data.Result {
		values = append(values, fmt.Sprint(r.Value[1]))
	}
	return values, true
}

func TestPrometheus_ScrapesTheFrontDoorAndLoadsTheAlerts(t *testing.T) {
	s := prometheus(t, used(t))
	for _, q := range []string{`up{job="livetail"}`, `livetail_plugin_up`, `livetail_tailer_metrics_answered`, `sum(livetail_tailer_rotations_total)`} {
		eventually(t, q+" is 1 in Prometheus", func() bool { v, _ := s.query(q); return slices.Equal(v, []string{"1"}) })
	}
	eventually(t, "the rules are evaluated", func() bool {
		var m struct {
			Data struct {
				Groups []struct {
					Rules []struct{ Name, Health string }
				}
			}
		}
		if !s.get("rules", &m) {
			return false
		}
		rules := 0
		for _, g := range m.Data.Groups {
			for _, r := range g.Rules {
				if r.Health == "err" {
					t.Fatalf("%s cannot be evaluated", r.Name)
				}
				if r.Health == "ok" {
					rules++
				}
			}
		}
		return rules >= 10
	})
}

// expressions are all those that alerts and dashboard ask Prometheus, by what they are for, with the variables of the dashboard put in.
func expressions(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	var rules struct {
		Groups []struct {
			Rules []struct{ Alert, Expr string }
		}
	}
	if err := yaml.Unmarshal([]byte(docs(t, "alerts.yml")), &rules); err != nil {
		t.Fatal(err)
	}
	for _, g := range rules.Groups {
		for _, r := range g.Rules {
			all["alert "+r.Alert] = r.Expr
		}
	}
	var board struct {
		Panels []struct {
			Title   string
			Targets []struct {
				RefID, Expr string
				Datasource  struct{ Type string }
			}
		}
	}
	if err := json.Unmarshal([]byte(docs(t, "grafana/dashboards/livetail.json")), &board); err != nil {
		t.Fatal(err)
	}
	for _, p := range board.Panels {
		for _, q := range p.Targets {
			if q.Datasource.Type == "prometheus" {
				all["panel "+p.Title+" "+q.RefID] = strings.NewReplacer("$job", ".+", "$instance", ".+", "$__rate_interval", "1m").Replace(q.Expr)
			}
		}
	}
	if len(all) < 30 {
		t.Fatalf("only %d expressions were found", len(all))
	}
	return all
}

// What dashboard and alerts ask can be answered by a real Prometheus, and each series that they select is there, with these labels, before anything
// has gone wrong: a rate of a counter that comes into being with the first fault does not see that fault.
func TestPrometheus_EveryExpressionOfDashboardAndAlerts_SelectsSeriesThatAreThere(t *testing.T) {
	s := prometheus(t, used(t))
	eventually(t, "it has scraped twice", func() bool {
		v, _ := s.query(`sum_over_time(up{job="livetail"}[1m]) >= 2`)
		return len(v) == 1
	})
	selector := regexp.MustCompile(`\b(?:up|(?:livetail|process)_[a-z_]+)\b(?:\{[^}]*\})?`)
	for what, expr := range expressions(t) {
		if _, ok := s.query(expr); !ok {
			t.Errorf("%s: Prometheus does not answer %s", what, expr)
		}
		selectors := selector.FindAllString(expr, -1)
		if len(selectors) == 0 {
			t.Errorf("%s: nothing is selected by %s", what, expr)
		}
		for _, one := range selectors {
			if v, _ := s.query(one); len(v) == 0 {
				t.Errorf("%s: there is no series %s", what, one)
			}
		}
		// Those of the panels that show a state or a rate, rather than what is above a bound, have a value.
		if v, _ := s.query(expr); strings.HasPrefix(what, "panel ") && !strings.Contains(expr, " > ") && len(v) == 0 {
			t.Errorf("%s: %s has no value", what, expr)
		}
	}
}
