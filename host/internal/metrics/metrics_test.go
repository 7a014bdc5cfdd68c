package metrics

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/livetail/livetail/host/internal/access"
	"github.com/livetail/livetail/host/internal/hub"
	"github.com/livetail/livetail/host/internal/supervise"
	"github.com/livetail/livetail/host/internal/wire"
	"github.com/livetail/livetail/plugin/filetail"
	"github.com/livetail/livetail/plugin/tail"
)

// full is a set in which everything was used once.
func full() *Metrics {
	m := New(Build{"1.2.3", "abcdef"})
	m.WatchHub(func() hub.Stats { return hub.Stats{Sessions: 3, Private: 1, Feeds: 1, RingBytes: 4096, Joined: 2} })
	m.WatchPlugins([]Plugin{
		{Mount: "/", Status: func() supervise.Status { return supervise.Status{State: supervise.StateUp, Restarts: 2, Hangs: 1} }},
		{Mount: "/docker", Status: func() supervise.Status { return supervise.Status{State: supervise.StateDown} }},
	})
	m.SessionOpened(ProtocolV1)
	m.SessionOpened(ProtocolPlain)
	m.SessionClosed(ProtocolV1, wire.CloseSlow.Reason, time.Minute)
	m.Refused(StageAccess, string(access.ReasonWrong))
	m.Sent(2, 30, 4000)
	m.RoundTrip(time.Millisecond)
	m.Delivered(time.Millisecond)
	m.PluginStarted(time.Second)
	m.Lag(100)
	m.Credentials(3, nil)
	m.Certificate(time.Unix(2_000_000_000, 0), errors.New("x"))
	h := m.Handler("list", http.NotFoundHandler())
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
	return m
}

// value is that of the series, which is written as in the text format.
func value(t *testing.T, m *Metrics, series string) string {
	t.Helper()
	for line := range strings.Lines(scrape(t, m)) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), series+" "); ok {
			return v
		}
	}
	return "missing"
}

func scrape(t *testing.T, m *Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	OpsHandler(OpsOptions{Metrics: m}).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://127.0.0.1/metrics", nil))
	if w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	return w.Body.String()
}

func TestMetrics_ArePleasingToPromlint(t *testing.T) {
	problems, err := testutil.GatherAndLint(full().registry)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

func TestMetrics_SayWhatHappened(t *testing.T) {
	m := full()
	for series, want := range map[string]string{
		`livetail_clients{protocol="livetail.v1"}`:                                             "0",
		`livetail_clients{protocol="plain"}`:                                                   "1",
		`livetail_client_connections_total{protocol="livetail.v1"}`:                            "1",
		`livetail_client_disconnects_total{protocol="livetail.v1",reason="slow"}`:              "1",
		`livetail_client_disconnects_total{protocol="livetail.v1",reason="silent"}`:            "0",
		`livetail_session_duration_seconds_sum{protocol="livetail.v1"}`:                        "60",
		`livetail_refusals_total{reason="wrong",stage="access"}`:                               "1",
		`livetail_client_sent_lines_total`:                                                     "30",
		`livetail_client_sent_bytes_total`:                                                     "4000",
		`livetail_heartbeat_round_trip_seconds_count`:                                          "1",
		`livetail_delivery_latency_seconds_count`:                                              "1",
		`livetail_client_lag_bytes_sum`:                                                        "100",
		`livetail_credentials`:                                                                 "3",
		`livetail_reloads_total{files="credentials",result="ok"}`:                              "1",
		`livetail_reloads_total{files="tls",result="error"}`:                                   "1",
		`livetail_tls_not_after_timestamp_seconds`:                                             "2e+09",
		`livetail_plugin_up{mount="/"}`:                                                        "1",
		`livetail_plugin_state{mount="/docker",state="down"}`:                                  "1",
		`livetail_plugin_state{mount="/",state="down"}`:                                        "0",
		`livetail_plugin_restarts_total{mount="/"}`:                                            "2",
		`livetail_plugin_hangs_total{mount="/"}`:                                               "1",
		`livetail_sessions_private`:                                                            "1",
		`livetail_feed_joins_total`:                                                            "2",
		`livetail_http_request_duration_seconds_count{code="404",handler="list",method="get"}`: "1",
	} {
		if got := value(t, m, series); got != want {
			t.Errorf("%s: got %s, want %s", series, got, want)
		}
	}
	if text := scrape(t, m); !strings.Contains(text, `livetail_build_info{goversion="go`) || !strings.Contains(text, "process_open_fds") ||
		!strings.Contains(text, "go_goroutines") {
		t.Error("build, process or runtime are missing")
	}
}

// meter is a tailer that counts, or fails to.
type meter struct {
	metrics []tail.Metric
	err     error
}

func (m meter) Metrics(context.Context) ([]tail.Metric, error) { return m.metrics, m.err }

func TestWatchMeter_WhatTheTailerCounts_IsAmongTheOthers(t *testing.T) {
	m := New(Build{})
	m.WatchMeters([]Meter{{"/", meter{metrics: []tail.Metric{
		{Name: "held_generations", Help: "Held.", Samples: []tail.Sample{{Value: 3}}},
		{Name: "rotations_total", Help: "Rotations.", Counter: true, Samples: []tail.Sample{
			{Labels: []tail.Label{{Name: "how", Value: "renamed"}}, Value: 2}, {Labels: []tail.Label{{Name: "how", Value: "deleted"}}, Value: 1},
		}},
		{Name: "metrics_answered", Help: "A name that is taken.", Samples: []tail.Sample{{Value: 7}}},
	}}}, {"/docker", meter{metrics: []tail.Metric{
		{Name: "held_generations", Help: "Said otherwise.", Samples: []tail.Sample{{Value: 4}}},
		{Name: "rotations_total", Help: "With other labels.", Counter: true, Samples: []tail.Sample{{Value: 9}}},
		{Name: "odd", Help: "Has a label that is ours.", Samples: []tail.Sample{{Labels: []tail.Label{{Name: "mount", Value: "x"}}, Value: 1}}},
	}}}, {"/down", meter{err: tail.ErrPluginGone}}, {"/mute", meter{err: fmt.Errorf("metrics: %w", tail.ErrUnsupported)}}})
	for series, want := range map[string]string{
		`livetail_tailer_held_generations{mount="/"}`: "3", `livetail_tailer_held_generations{mount="/docker"}`: "4",
		`livetail_tailer_rotations_total{how="renamed",mount="/"}`: "2", `livetail_tailer_rotations_total{how="deleted",mount="/"}`: "1",
		`livetail_tailer_rotations_total{mount="/docker"}`: "missing", `livetail_tailer_metrics_answered{mount="/docker"}`: "1",
		`livetail_tailer_metrics_answered{mount="/down"}`: "0", `livetail_tailer_metrics_answered{mount="/mute"}`: "missing", "livetail_credentials": "0",
	} {
		if got := value(t, m, series); got != want {
			t.Errorf("%s: got %s, want %s", series, got, want)
		}
	}
	problems, err := testutil.GatherAndLint(m.registry)
	if err != nil || len(problems) > 0 {
		t.Errorf("%v %v", problems, err)
	}
}

func TestWatchMeter_TailerThatFailsOrSaysNonsense_SpoilsNothing(t *testing.T) {
	for name, tailer := range map[string]meter{
		"fails":    {err: tail.ErrPluginGone},
		"nonsense": {metrics: []tail.Metric{{Name: "x", Help: "X.", Samples: []tail.Sample{{Value: 1}, {Value: 2}}}}},
	} {
		m := New(Build{})
		m.WatchMeters([]Meter{{"/", tailer}})
		if got := value(t, m, `livetail_tailer_metrics_answered{mount="/"}`); got != "0" {
			t.Errorf("%s: answered is %s", name, got)
		}
		if got := value(t, m, `livetail_tailer_x{mount="/"}`); got != "missing" {
			t.Errorf("%s: x is %s", name, got)
		}
	}
}

func TestDocs_NameMetricsThatExist(t *testing.T) {
	m := full()
	tailer, err := filetail.New(filetail.Config{Roots: []string{t.TempDir()}})
	if err != nil {
		t.Fatal(err)
	}
	defer tailer.Close()
	m.WatchMeters([]Meter{{"/", tailer}})
	text := scrape(t, m)
	for _, name := range []string{"alerts.yml", "alerts.test.yml", "operations.md", "grafana/dashboards/livetail.json"} {
		doc, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", name))
		if err != nil {
			t.Fatal(err)
		}
		for _, metric := range regexp.MustCompile(`livetail_[a-z_]+`).FindAllString(string(doc), -1) {
			of := regexp.MustCompile(`_(bucket|sum|count)$`).ReplaceAllString(metric, "")
			if metric != "livetail_tailer_" && !strings.Contains(text, "\n# HELP "+metric+" ") && !strings.Contains(text, "\n# TYPE "+of+" histogram") {
				t.Errorf("%s names %s, which does not exist", name, metric)
			}
		}
	}
}

func TestMetrics_NumberOfSeriesDoesNotDependOnWhatPeersSay(t *testing.T) {
	m := full()
	count := func() int {
		families, err := m.registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, f := range families {
			if strings.HasPrefix(f.GetName(), namespace) {
				n += len(f.GetMetric())
			}
		}
		return n
	}
	handler := m.Handler("list", http.NotFoundHandler())
	handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("ODD", "/", nil))
	follow(m, fmt.Errorf("odd"), tail.Gap{Cause: 999}, tail.Boundary{How: 999, Order: 999})
	before := count()
	for i := range 100 {
		odd := fmt.Sprintf("/var/log/%d", i)
		m.SessionOpened(odd)
		m.SessionClosed(odd, odd, time.Second)
		m.SessionClosed(ProtocolV1, odd, time.Second)
		m.Refused(odd, odd)
		m.Refused(StageAccess, odd)
		handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(fmt.Sprintf("ODD%d", i), "/"+odd, nil))
		follow(m, errors.New(odd), tail.Gap{Cause: tail.Cause(1000 + i)}, tail.Boundary{How: tail.How(1000 + i), Order: 999})
	}
	if after := count(); after != before {
		t.Errorf("%d series became %d", before, after)
	}
	if before > 600 {
		t.Errorf("there are %d series", before)
	}
}

func TestMetrics_KnowAllNamesOfTheirSources(t *testing.T) {
	for _, c := range wire.Closes {
		if !slices.Contains(endings, c.Reason) {
			t.Errorf("end %q is not known", c.Reason)
		}
	}
	if !slices.Contains(causes, tail.CauseOverrun.String()) || !slices.Contains(hows, tail.HowSwitched.String()) ||
		!slices.Contains(orders, tail.OrderInferred.String()) {
		t.Errorf("got %q, %q, %q", causes, hows, orders)
	}
}

// script is a tailer whose Follow yields events and then err.
type script struct {
	tail.Tailer
	events []tail.Event
	err    error
}

func (s script) Follow(context.Context, tail.FollowRequest) iter.Seq2[tail.Event, error] {
	return func(yield func(tail.Event, error) bool) {
		for _, e := range s.events {
			if !yield(e, nil) {
				return
			}
		}
		if s.err != nil {
			yield(nil, s.err)
		}
	}
}

func (s script) Info(context.Context) (tail.Info, error) { return tail.Info{Name: "script"}, s.err }

func (s script) Read(context.Context, tail.ReadRequest) (tail.Page, error) {
	return tail.Page{}, s.err
}

func (s script) List(context.Context, tail.ListRequest) iter.Seq2[tail.Entry, error] {
	return func(yield func(tail.Entry, error) bool) { yield(tail.Entry{Log: "/a"}, s.err) }
}

func (s script) Diagnose(context.Context, string) (tail.Report, error) { return tail.Report{}, s.err }

func (s script) Heartbeat(context.Context, iter.Seq[tail.Beat]) iter.Seq2[tail.Order, error] {
	return func(yield func(tail.Order, error) bool) { yield(tail.Order{}, s.err) }
}

// follow has m see these events, and returns what its caller sees.
func follow(m *Metrics, err error, events ...tail.Event) (seen []tail.Event) {
	for e, err := range m.Tailer("/", script{events: events, err: err}).Follow(context.Background(), tail.FollowRequest{}) {
		if err == nil {
			seen = append(seen, e)
		}
	}
	return seen
}

func TestTailer_CountsWhatComesAndChangesNothing(t *testing.T) {
	m := New(Build{})
	events := []tail.Event{
		tail.Lines{Text: []byte("a\nb\n")}, tail.Lines{Text: []byte("c")}, tail.Lines{}, tail.Late{Lines: tail.Lines{Text: []byte("d\n")}},
		tail.Boundary{How: tail.HowRenamed, Order: tail.OrderObserved}, tail.Truncated{},
		tail.Gap{Cause: tail.CauseDeleted, Certain: true}, tail.CaughtUp{},
	}
	seen := follow(m, fmt.Errorf("read: %w", tail.ErrPluginGone), events...)
	if len(seen) != len(events) {
		t.Errorf("%d of %d events came through", len(seen), len(events))
	}
	bad := m.Tailer("/", script{err: tail.ErrNotFound})
	if _, err := bad.Info(t.Context()); !errors.Is(err, tail.ErrNotFound) {
		t.Error(err)
	}
	if _, err := bad.Read(t.Context(), tail.ReadRequest{}); !errors.Is(err, tail.ErrNotFound) {
		t.Error(err)
	}
	for _, err := range m.Tailer("/", script{}).List(t.Context(), tail.ListRequest{}) {
		if err != nil {
			t.Error(err)
		}
		break // Who leaves early did not fail.
	}
	for range bad.Heartbeat(t.Context(), nil) {
	}
	for series, want := range map[string]string{
		`livetail_read_batches_total`:                                                     "3",
		`livetail_source_read_lines_total{source="other"}`:                                "3",
		`livetail_source_read_bytes_total{source="other"}`:                                "5",
		`livetail_late_lines_total`:                                                       "1",
		`livetail_source_rotations_total{kind="renamed",order="observed",source="other"}`: "1",
		`livetail_truncations_total`:                                                      "1",
		`livetail_gaps_total{cause="deleted",certain="true"}`:                             "1",
		`livetail_gaps_total{cause="deleted",certain="false"}`:                            "0",
		`livetail_follows`:                                                                "0",
		`livetail_plugin_calls_total{method="follow",result="plugin_gone"}`:               "1",
		`livetail_plugin_calls_total{method="info",result="not_found"}`:                   "1",
		`livetail_plugin_calls_total{method="heartbeat",result="not_found"}`:              "1",
		`livetail_plugin_calls_total{method="list",result="ok"}`:                          "1",
		`livetail_plugin_rpc_duration_seconds_count{code="not_found",method="read"}`:      "1",
	} {
		if got := value(t, m, series); got != want {
			t.Errorf("%s: got %s, want %s", series, got, want)
		}
	}
}

// ask asks the handler for operators.
func ask(o OpsOptions, method, url string, header ...string) *httptest.ResponseRecorder {
	if o.Metrics == nil {
		o.Metrics = New(Build{})
	}
	r := httptest.NewRequest(method, url, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	OpsHandler(o).ServeHTTP(w, r)
	return w
}

func TestOps_ReadySaysWhatIsWrong(t *testing.T) {
	o := OpsOptions{Version: "1.2.3", Ready: []Check{
		{"plugin", func(context.Context) error { return errors.New("restarting for the 3rd time") }},
		{"listener", func(context.Context) error { return nil }},
	}}
	w := ask(o, http.MethodGet, "http://127.0.0.1/readyz")
	want := `{"ready":false,"checks":[{"name":"plugin","ok":false,"reason":"restarting for the 3rd time"},{"name":"listener","ok":true}]}`
	if got := strings.TrimSpace(w.Body.String()); w.Code != http.StatusServiceUnavailable || got != want || w.Header().Get("Content-Type") != "application/json" {
		t.Errorf("got %d %s", w.Code, got)
	}
	o.Ready = o.Ready[1:]
	if w := ask(o, http.MethodGet, "http://127.0.0.1/readyz"); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"ready":true`) {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	if w := ask(o, http.MethodGet, "http://127.0.0.1/healthz"); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"status":"ok"`) {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}

func TestOps_SpeaksOpenMetrics(t *testing.T) {
	w := ask(OpsOptions{Metrics: full()}, http.MethodGet, "http://127.0.0.1/metrics", "Accept", "application/openmetrics-text; version=1.0.0")
	if !strings.HasPrefix(w.Header().Get("Content-Type"), "application/openmetrics-text") || !strings.HasSuffix(w.Body.String(), "# EOF\n") {
		t.Errorf("got %s", w.Header().Get("Content-Type"))
	}
}

func TestOps_ShowsProfilesOnlyWhereToldTo(t *testing.T) {
	for path, want := range map[string]int{
		"/debug/pprof/":                     http.StatusOK,
		"/debug/pprof/goroutine?debug=1":    http.StatusOK,
		"/debug/pprof/cmdline":              http.StatusOK,
		"/debug/pprof/profile?seconds=0":    http.StatusBadRequest,
		"/debug/pprof/profile?seconds=3600": http.StatusBadRequest,
		"/debug/pprof/trace?seconds=NaN":    http.StatusBadRequest,
	} {
		if w := ask(OpsOptions{Profiles: true}, http.MethodGet, "http://127.0.0.1"+path); w.Code != want {
			t.Errorf("%s: got %d, want %d", path, w.Code, want)
		}
		if w := ask(OpsOptions{}, http.MethodGet, "http://127.0.0.1"+path); w.Code != http.StatusNotFound {
			t.Errorf("%s: got %d without being told to", path, w.Code)
		}
	}
}

func TestOps_AnswersOnlyToNamesThatNoPageCanHave(t *testing.T) {
	o := OpsOptions{AllowedHosts: []string{"livetail.monitoring.svc"}}
	for host, want := range map[string]int{
		"127.0.0.1:8766": http.StatusOK, "10.1.2.3": http.StatusOK, "[::1]:8766": http.StatusOK, "[::1]": http.StatusOK,
		"localhost:8766": http.StatusOK, "LocalHost.": http.StatusOK, "Livetail.Monitoring.svc:8766": http.StatusOK,
		"evil.test": http.StatusForbidden, "localhost.evil.test": http.StatusForbidden, "127.0.0.1.evil.test": http.StatusForbidden,
	} {
		if w := ask(o, http.MethodGet, "http://"+host+"/healthz"); w.Code != want {
			t.Errorf("%s: got %d, want %d", host, w.Code, want)
		}
	}
	if w := ask(o, http.MethodPost, "http://127.0.0.1/healthz"); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: got %d", w.Code)
	}
}

func BenchmarkSent(b *testing.B) {
	m := New(Build{})
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			m.Sent(1, 20, 2000)
		}
	})
}

func BenchmarkTailer(b *testing.B) {
	m := New(Build{})
	e := tail.Lines{Text: []byte(strings.Repeat(strings.Repeat("x", 99)+"\n", 2621))}
	b.SetBytes(int64(len(e.Text)))
	for b.Loop() {
		m.tailer.event(e)
	}
}
