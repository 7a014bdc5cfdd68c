package e2e

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
)

// receiver takes spans as an OpenTelemetry collector does.
type receiver struct {
	collector.UnimplementedTraceServiceServer

	mu     sync.Mutex // guards the rest
	spans  []*otlp.Span
	about  []*common.KeyValue // the last resource
	header string             // of the last request: X-Key
}

func (r *receiver) take(m *collector.ExportTraceServiceRequest, header string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.header = header
	for _, rs := range m.GetResourceSpans() {
		r.about = rs.GetResource().GetAttributes()
		for _, ss := range rs.GetScopeSpans() {
			r.spans = append(r.spans, ss.GetSpans()...)
		}
	}
}

// Export implements the service of a collector by gRPC.
func (r *receiver) Export(ctx context.Context, m *collector.ExportTraceServiceRequest) (*collector.ExportTraceServiceResponse, error) {
	md, _ := metadata.FromIncomingContext(ctx)
	r.take(m, strings.Join(md.Get("x-key"), ","))
	return &collector.ExportTraceServiceResponse{}, nil
}

// says is what the last resource said of an attribute.
func (r *receiver) says(key string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, kv := range r.about {
		if kv.GetKey() == key {
			return kv.GetValue().GetStringValue()
		}
	}
	return ""
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	var m collector.ExportTraceServiceRequest
	if err != nil || req.URL.Path != "/v1/traces" || proto.Unmarshal(body, &m) != nil {
		http.Error(w, "no", http.StatusBadRequest)
		return
	}
	r.take(&m, req.Header.Get("X-Key"))
	w.Header().Set("Content-Type", "application/x-protobuf")
}

func (r *receiver) key() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.header
}

// number is the value of an attribute of a span.
func number(s *otlp.Span, key string) int64 {
	for _, kv := range s.GetAttributes() {
		if kv.GetKey() == key {
			return kv.GetValue().GetIntValue()
		}
	}
	return 0
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

// history asks for lines by the Loki API, and returns how long that took.
func history(t *testing.T, addr string) time.Duration {
	t.Helper()
	began := time.Now()
	lokiGet(t, addr, "query_range", url.Values{"query": {`{job="app"}`}})
	return time.Since(began)
}

// The variables that OpenTelemetry defines, and no setting of ours.
func TestTracing_ReceiverByGRPC_NamedByTheStandardVariables(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	got, server := &receiver{}, grpc.NewServer()
	collector.RegisterTraceServiceServer(server, got)
	served := make(chan error)
	go func() { served <- server.Serve(l) }() // Ends with Stop.
	defer func() { server.Stop(); <-served }()
	for name, value := range map[string]string{
		"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://" + l.Addr().String(), "OTEL_EXPORTER_OTLP_HEADERS": "x-key=secret",
		"OTEL_SERVICE_NAME": "logs-of-node-7", "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment=test", "OTEL_BSP_SCHEDULE_DELAY": "100",
	} {
		t.Setenv(name, value)
	}
	dir := t.TempDir()
	appendTo(t, filepath.Join(dir, "app.log"), "one\n")
	addr, _ := serve(t, dir)
	history(t, addr)
	eventually(t, "the span has come", func() bool { return len(got.named("history query")) == 1 })
	if name, env := got.says("service.name"), got.says("deployment.environment"); name != "logs-of-node-7" || env != "test" || got.key() != "secret" {
		t.Errorf("the receiver is told %q, %q, with the header %q", name, env, got.key())
	}
}

// The span of a live tail by Loki's API ends when the tail stands, not with it; each span says how the request was answered.
func TestTracing_LiveTail_HasItsUpgradeWhileItLasts(t *testing.T) {
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "20")
	got := &receiver{}
	web := httptest.NewServer(got)
	defer web.Close()
	dir := t.TempDir()
	appendTo(t, filepath.Join(dir, "app.log"), "one\n")
	addr, _ := serve(t, "--otlp-endpoint", web.URL, dir)
	c, _, err := websocket.DefaultDialer.Dial("ws://"+addr+"/loki/api/v1/tail?query="+url.QueryEscape(`{job="app"}`), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	eventually(t, "the span has come", func() bool { return len(got.named("upgrade")) == 1 })
	if code := number(got.named("upgrade")[0], "http.response.status_code"); code != http.StatusSwitchingProtocols {
		t.Errorf("the upgrade was answered with %d", code)
	}
	resp, err := http.Get("http://" + addr + "/loki/api/v1/query_range?query=" + url.QueryEscape("{"))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	eventually(t, "the span of the mistaken query has come", func() bool { return len(got.named("history query")) == 1 })
	if code := number(got.named("history query")[0], "http.response.status_code"); code != http.StatusBadRequest {
		t.Errorf("the query was answered with %d", code)
	}
}

// Whatever the receiver does, or is not there to do, costs requests nothing and the log one line.
func TestTracing_ReceiverIsDown_OneWarningAndNothingWaits(t *testing.T) {
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "20")
	listen := free(t)
	dir := t.TempDir()
	appendTo(t, filepath.Join(dir, "app.log"), "one\n")
	addr, p := serve(t, "--otlp-endpoint", "http://"+listen, dir)
	history(t, addr)
	p.line("traces cannot be sent")
	for range 20 { // Several batches.
		history(t, addr)
		time.Sleep(10 * time.Millisecond)
	}
	l, err := net.Listen("tcp", listen)
	if err != nil {
		t.Fatal(err)
	}
	got := &receiver{}
	web := &http.Server{Handler: got}
	served := make(chan error)
	go func() { served <- web.Serve(l) }() // Ends with Close.
	defer func() { web.Close(); <-served }()
	eventually(t, "spans come again", func() bool { history(t, addr); return len(got.named("history query")) > 0 })
	p.line("traces can be sent again")
	if n := strings.Count(p.said(), "traces cannot be sent"); n != 1 {
		t.Errorf("it was said %d times:\n%s", n, p.said())
	}
}

func TestTracing_ReceiverTakesAndNeverAnswers_NothingWaitsAndTheEndIsBounded(t *testing.T) {
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "20")
	t.Setenv("OTEL_BSP_MAX_QUEUE_SIZE", "16")
	t.Setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "4")
	l, err := net.Listen("tcp", "127.0.0.1:0") // The system accepts; nobody answers.
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dir := t.TempDir()
	appendTo(t, filepath.Join(dir, "app.log"), "one\n")
	addr, p := serve(t, "--otlp-endpoint", fmt.Sprintf("http://%s", l.Addr()), dir)
	for range 100 { // Many times the queue.
		if took := history(t, addr); took > 5*time.Second {
			t.Fatalf("a query took %s", took)
		}
	}
	began := time.Now()
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code := p.wait(); code != 0 || time.Since(began) > 15*time.Second {
		t.Errorf("it ended with %d after %s", code, time.Since(began))
	}
}
