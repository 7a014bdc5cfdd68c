package e2e

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/gorilla/websocket"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// receiver takes spans as an OpenTelemetry collector does.
type receiver struct {
	mu    sync.Mutex
	spans []*otlp.Span
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	var m collector.ExportTraceServiceRequest
	if err != nil || req.URL.Path != "/v1/traces" || proto.Unmarshal(body, &m) != nil {
		http.Error(w, "no", http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, rs := range m.GetResourceSpans() {
		for _, ss := range rs.GetScopeSpans() {
			r.spans = append(r.spans, ss.GetSpans()...)
		}
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
}

// named are the spans of a name.
func (r *receiver) named(name string) (out []*otlp.Span) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.spans {
		if s.GetName() == name {
			out = append(out, s)
		}
	}
	return out
}

const (
	traceID     = "4bf92f3577b34da6a3ce929d0e0e4736"
	traceparent = "00-" + traceID + "-00f067aa0ba902b7-01"
)

func TestTracing_ReceiverGetsSpansInTheTraceOfTheRequest(t *testing.T) {
	got := &receiver{}
	web := httptest.NewServer(got)
	defer web.Close()
	dir := t.TempDir()
	log := filepath.Join(dir, "app.log")
	appendTo(t, log, "one\n")
	addr, p := serve(t, "--otlp-endpoint", web.URL, "--log-level", "debug", dir)
	c, _, err := websocket.DefaultDialer.Dial("ws://"+addr+log+"?tail=1", http.Header{"Traceparent": {traceparent}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := text(t, c, "one"); err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+addr+"/loki/api/v1/query_range?query="+url.QueryEscape(`{job="app"}`), nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Traceparent", traceparent)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	plugin := children(t, p.Process.Pid)
	if len(plugin) != 1 {
		t.Fatalf("%d plugins", len(plugin))
	}
	if err := syscall.Kill(plugin[0], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	appendTo(t, log, "two\n")
	if _, err := text(t, c, "two"); err != nil { // By another process.
		t.Fatal(err)
	}
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	p.wait() // All spans have been sent by then.
	for name, inTrace := range map[string]bool{"upgrade": true, "history query": true, "read page": true, "catch up": true, "plugin restart": false} {
		spans := got.named(name)
		if len(spans) == 0 {
			t.Errorf("there is no span %q", name)
			continue
		}
		if id := strings.ToLower(hexOf(spans[0].GetTraceId())); (id == traceID) != inTrace {
			t.Errorf("the span %q is of the trace %s", name, id)
		}
	}
	if up, caught := got.named("upgrade"), got.named("catch up"); len(up) > 0 && len(caught) > 0 && hexOf(caught[0].GetParentSpanId()) != hexOf(up[0].GetSpanId()) {
		t.Errorf("catching up is a span below %s, not below the upgrade", hexOf(caught[0].GetParentSpanId()))
	}
	if said := p.said(); strings.Count(said, `"trace_id":"`+traceID+`"`) < 2 {
		t.Errorf("the log does not name the trace:\n%s", said)
	}
}

func hexOf(b []byte) string {
	const digits = "0123456789abcdef"
	var out strings.Builder
	for _, c := range b {
		out.WriteByte(digits[c>>4])
		out.WriteByte(digits[c&15])
	}
	return out.String()
}

func TestTracing_WithoutReceiver_TheLogNamesTheTraceAllTheSame(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(dir, "app.log")
	appendTo(t, log, "one\n")
	addr, p := serve(t, "--log-level", "debug", dir)
	c, _, err := websocket.DefaultDialer.Dial("ws://"+addr+log, http.Header{"Traceparent": {traceparent}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if line := p.line(traceID); !strings.Contains(line, log) {
		t.Errorf("the log says %s", line)
	}
}
