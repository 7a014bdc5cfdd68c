package e2e

import (
	"bytes"
	"context"
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
	"strings"
	"testing"
	"time"
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

// A real Prometheus, with the files that docs ships, scrapes a real front door and evaluates the rules.
func TestPrometheus_ScrapesTheFrontDoorAndLoadsTheAlerts(t *testing.T) {
	program, err := exec.LookPath("prometheus")
	if err != nil {
		t.Skip("no prometheus on PATH: install the package prometheus")
	}
	ops := used(t)
	dir := t.TempDir()
	config, err := os.ReadFile(filepath.Join(root, "docs", "prometheus", "prometheus.yml"))
	if err != nil {
		t.Fatal(err)
	}
	rules, err := os.ReadFile(filepath.Join(root, "docs", "alerts.yml"))
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.NewReplacer("livetail:8766", ops, "15s", "1s").Replace(string(config))
	for name, content := range map[string]string{"prometheus.yml": changed, "alerts.yml": string(rules)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listen := l.Addr().String()
	l.Close()
	ctx, cancel := context.WithCancel(t.Context())
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, program, "--config.file="+filepath.Join(dir, "prometheus.yml"), "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--web.listen-address="+listen, "--log.level=warn")
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		cancel()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("prometheus said:\n%s", said.String())
		}
	}()
	query := func(q string) (value string) {
		resp, err := http.Get("http://" + listen + "/api/v1/query?query=" + url.QueryEscape(q))
		if err != nil {
			return ""
		}
		defer resp.Body.Close()
		var m struct {
			Data struct{ Result []struct{ Value [2]any } }
		}
		if json.NewDecoder(resp.Body).Decode(&m) != nil || len(m.Data.Result) == 0 {
			return ""
		}
		return fmt.Sprint(m.Data.Result[0].Value[1])
	}
	for _, q := range []string{`up{job="livetail"}`, `livetail_plugin_up`, `livetail_tailer_metrics_answered`, `sum(livetail_tailer_rotations_total)`} {
		eventually(t, q+" is 1 in Prometheus", func() bool { return query(q) == "1" })
	}
	eventually(t, "the rules are evaluated", func() bool {
		resp, err := http.Get("http://" + listen + "/api/v1/rules")
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		var m struct {
			Data struct {
				Groups []struct {
					Rules []struct {
						Name, Health   string
						LastEvaluation time.Time
					}
				}
			}
		}
		if json.NewDecoder(resp.Body).Decode(&m) != nil {
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
