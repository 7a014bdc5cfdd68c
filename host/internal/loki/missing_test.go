package loki

import (
	"context"
	"iter"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/livetail/livetail/host/internal/mount"
	"github.com/livetail/livetail/plugin/tail"
)

// troubled is a tailer in trouble, of one kind after the other.
type troubled struct {
	*memory
	kind atomic.Value // "", "list", "read" or "hang"
}

func (d *troubled) is(kind string) bool { return d.kind.Load() == kind }

func (d *troubled) List(ctx context.Context, req tail.ListRequest) iter.Seq2[tail.Entry, error] {
	if d.is("list") {
		return func(yield func(tail.Entry, error) bool) { yield(tail.Entry{}, tail.ErrPluginGone) }
	}
	return d.memory.List(ctx, req)
}

func (d *troubled) Read(ctx context.Context, req tail.ReadRequest) (tail.Page, error) {
	switch {
	case d.is("read"):
		return tail.Page{}, tail.ErrPluginGone
	case d.is("hang"):
		<-ctx.Done()
		return tail.Page{}, ctx.Err()
	}
	return d.memory.Read(ctx, req)
}

// newMounted makes a server over two mounts, one of which is in trouble.
func newMounted(t *testing.T) (*troubled, *httptest.Server, *Server) {
	t.Helper()
	docker := &troubled{memory: newMemory()}
	docker.kind.Store("")
	docker.write("/web", noon.Add(-time.Minute), "old line of web")
	m, web, s := newTest(t, func(o *Options) {
		all, err := mount.New(mount.Mount{Prefix: "/", Tailer: o.Tailer}, mount.Mount{Prefix: "/docker", Tailer: docker})
		if err != nil {
			t.Fatal(err)
		}
		o.Tailer, o.Limits.Timeout = all.Tailer(), time.Second
		o.Part = func(log string) string { m, _, _ := all.Find(log); return m.Prefix }
	})
	_ = m
	s.lookInterval = 5 * time.Millisecond
	return docker, web, s
}

// One plugin that does not answer costs the logs that it has, not those of others; and the answer says so where Loki has its warnings.
func TestQueries_OnePartDoesNotAnswer_TheOthersComeWithAWarning(t *testing.T) {
	docker, web, _ := newMounted(t)
	const all = `{filename=~".+"}`
	for _, c := range []struct {
		kind, path string
		params     []string
		want       string // stands in the answer
		warns      string
	}{
		{"", "query_range", []string{"query", all}, "old line of web", ""},
		{"list", "query_range", []string{"query", all}, "GET /", "the plugin is restarting"},
		{"read", "query_range", []string{"query", all}, "GET /", "the plugin is restarting"},
		{"hang", "query_range", []string{"query", all}, "GET /", "there is no answer in time"},
		{"hang", "query", []string{"query", "sum(count_over_time(" + all + "[1h]))"}, `,"7"]`, "there is no answer in time"},
		{"read", "query_range", []string{"query", "sum(count_over_time(" + all + "[1h]))"}, `"resultType":"matrix"`, "the plugin is restarting"},
		{"list", "labels", nil, `"filename"`, "the plugin is restarting"},
		{"list", "label/job/values", nil, `"access"`, "the plugin is restarting"},
		{"list", "series", nil, `"access"`, "the plugin is restarting"},
		{"list", "index/stats", []string{"query", all}, `{"streams":2,`, ""},
		{"", "labels", nil, `{"status":"success","data":["filename"`, ""},
	} {
		docker.kind.Store(c.kind)
		code, body, _ := get(t, web, "/loki/api/v1/"+c.path, c.params...)
		warning := ""
		if c.warns != "" {
			warning = `{"status":"success","warnings":["the logs at /docker are missing: ` + c.warns + `"],"data":`
		}
		if code != 200 || !strings.Contains(body, c.want) || !strings.HasPrefix(body, warning) || warning == "" && strings.Contains(body, "warnings") {
			t.Errorf("%s, %s: %d %s", c.kind, c.path, code, body)
		}
	}
}

func TestQueries_NothingOfWhatIsAskedForAnswers_IsAnError(t *testing.T) {
	docker, web, _ := newMounted(t)
	docker.kind.Store("read")
	if code, body, _ := get(t, web, "/loki/api/v1/query_range", "query", `{job="web",filename="/docker/web"}`); code != 503 {
		t.Errorf("%d %s", code, body)
	}
	// Without parts, there is nothing to be left out.
	m, alone, _ := newTest(t, nil)
	m.update(func() { m.broken = tail.ErrPluginGone })
	if code, body, _ := get(t, alone, "/loki/api/v1/query_range", "query", `{filename=~".+"}`); code != 503 {
		t.Errorf("%d %s", code, body)
	}
}

// Who may not know of a part is not told of it.
func TestQueries_PartOfWhichTheViewerMayNotKnow_IsNotNamed(t *testing.T) {
	docker, _, s := newMounted(t)
	docker.kind.Store("list")
	rec := httptest.NewRecorder()
	s.Serve(rec, httptest.NewRequest(http.MethodGet, "/loki/api/v1/labels", nil), somebody{prefix: "/var/"})
	if body := rec.Body.String(); rec.Code != 200 || strings.Contains(body, "docker") {
		t.Errorf("%d %s", rec.Code, body)
	}
}

func TestTail_OnePartDoesNotAnswer_BeginsWithTheOthersAndGoesOnWithItLater(t *testing.T) {
	for _, kind := range []string{"list", "hang"} {
		docker, web, _ := newMounted(t)
		docker.kind.Store(kind)
		c := dial(t, web, "query", `{filename=~".+"}`, "start", ns(-time.Hour))
		c.lines(7)
		docker.kind.Store("")
		// Lines of before the tail are none of it, for nobody knows how many there are.
		go func() {
			for i := range 10_000 {
				select {
				case <-t.Context().Done():
					return
				case <-time.After(time.Millisecond):
					docker.write("/web", noon.Add(time.Duration(i)*time.Millisecond), "new line")
				}
			}
		}()
		if _, line, _ := c.next(); line != "new line" {
			t.Errorf("%s: got %q", kind, line)
		}
		c.conn.Close()
	}
}
