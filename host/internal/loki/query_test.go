package loki

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/livetail/livetail/plugin/tail"
)

var update = flag.Bool("update", false, "write the golden files")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// noon is when the tests take place.
var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// newTest makes a server over two logs.
func newTest(t *testing.T, change func(*Options)) (*memory, *httptest.Server, *Server) {
	t.Helper()
	m := newMemory()
	m.write("/var/log/app.log", noon.Add(-30*time.Minute), "2026 | INFO | one", "2026 | ERROR | two \"quoted\" \x1b[1m你好\xff", `{"level":"warn","took":"2s","n":3}`)
	m.write("/var/log/app.log", noon.Add(-10*time.Minute), "level=error msg=four took=20ms", "five")
	m.write("/var/log/web/access.log", noon.Add(-20*time.Minute), "GET /", "")
	o := Options{Tailer: m, Host: "h1", Version: "0.1.0", Now: func() time.Time { return noon }}
	if change != nil {
		change(&o)
	}
	s := New(o)
	web := httptest.NewServer(s)
	t.Cleanup(func() {
		_ = s.Close()
		web.Close()
		http.DefaultClient.CloseIdleConnections()
	})
	return m, web, s
}

func get(t *testing.T, web *httptest.Server, path string, params ...string) (int, string, http.Header) {
	t.Helper()
	q := url.Values{}
	for i := 0; i+1 < len(params); i += 2 {
		q.Add(params[i], params[i+1])
	}
	resp, err := http.Get(web.URL + path + "?" + q.Encode())
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b), resp.Header
}

// ns writes a time as clients do.
func ns(d time.Duration) string { return fmt.Sprint(noon.Add(d).UnixNano()) }

func TestHandlers_Answers_AreThoseOfTheGoldenFiles(t *testing.T) {
	const api = "/loki/api/v1/"
	for _, c := range []struct {
		name, path string
		params     []string
	}{
		{"query_range", api + "query_range", []string{"query", `{job="app"}`}},
		{"query_range_forward_limit", api + "query_range", []string{"query", `{job=~".+"}`, "direction", "FORWARD", "limit", "4"}},
		{"query_range_backward_limit", api + "query_range", []string{"query", `{job=~".+"}`, "limit", "3"}},
		{"query_range_filter", api + "query_range", []string{"query", `{job="app"} |= "error" or "ERROR"`}},
		{"query_range_json", api + "query_range", []string{"query", `{job="app"} | json | __error__=""`}},
		{"query_range_empty", api + "query_range", []string{"query", `{job="nosuch"}`}},
		{"query_range_edges", api + "query_range", []string{"query", `{job="app"}`, "start", ns(-30*time.Minute + 1), "end", ns(-10 * time.Minute)}},
		{"query_range_edges_forward", api + "query_range", []string{"query", `{job="app"}`, "start", ns(-30 * time.Minute), "end", ns(-10*time.Minute + 1),
			"direction", "forward"}},
		{"query_range_volume", api + "query_range", []string{"query", `sum by (level, detected_level) (count_over_time({job="app"} | drop __error__ [10m]))`,
			"start", ns(-30 * time.Minute), "end", ns(0), "step", "600000ms"}},
		{"query_range_constant", api + "query_range", []string{"query", `vector(1)+vector(1)`, "start", "1000000000", "end", "1000000002", "step", "1"}},
		{"query_save_and_test", api + "query", []string{"direction", "backward", "query", `vector(1)+vector(1)`, "time", "4000000000"}},
		{"query_save_and_test_nanoseconds", api + "query", []string{"query", `vector(1)+vector(1)`, "time", "40000000000"}},
		{"query_scalar", api + "query", []string{"query", `1+1`, "time", "4000000000"}},
		{"query_count", api + "query", []string{"query", `count_over_time({job="app"}[24h])`}},
		{"query_count_none", api + "query", []string{"query", `count_over_time({job="nosuch"}[24h])`}},
		{"query_rate", api + "query", []string{"query", `sum(bytes_rate({host="h1"}[1h]))`}},
		{"query_sum_of_lines_that_are_no_json", api + "query", []string{"query", `sum(count_over_time({job="app"} | json [24h]))`}},
		{"labels", api + "labels", nil},
		{"labels_query", api + "labels", []string{"query", `{job="nosuch"}`}},
		{"label_values", api + "label/job/values", nil},
		{"label_values_filename", api + "label/filename/values", []string{"query", `{job="access"}`}},
		{"label_values_unknown", api + "label/nosuch/values", nil},
		{"series", api + "series", []string{"match[]", `{job="app"}`, "match", `{host="h1"}`}},
		{"series_all", api + "series", []string{"match", "{}"}},
		{"stats", api + "index/stats", []string{"query", `{job="app"}`}},
		{"volume", api + "index/volume", []string{"query", `{job=~".+"}`}},
		{"volume_range", api + "index/volume_range", []string{"query", `{job="app"}`, "step", "600", "start", ns(-30 * time.Minute), "end", ns(0)}},
		{"volume_labels", api + "index/volume", []string{"query", `{job=~".+"}`, "targetLabels", "job,host,nosuch", "aggregateBy", "labels"}},
		{"volume_limit", api + "index/volume", []string{"query", `{}`, "targetLabels", "filename", "limit", "1"}},
		{"volume_edges", api + "index/volume", []string{"query", `{job="app"}`, "start", ns(-10 * time.Minute), "end", ns(-10*time.Minute + 1)}},
		{"detected_labels", api + "detected_labels", []string{"query", `{job=~".+"}`}},
		{"detected_fields", api + "detected_fields", []string{"query", `{job="app"}`}},
		{"detected_fields_limit", api + "detected_fields", []string{"query", `{job="app"} |= "m"`, "limit", "2", "line_limit", "1"}},
		{"detected_values", api + "detected_field/took/values", []string{"query", `{job="app"}`}},
		{"detected_values_unknown", api + "detected_field/nosuch/values", []string{"query", `{job="app"}`}},
		{"ready", "/ready", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, web, _ := newTest(t, nil)
			code, body, _ := get(t, web, c.path, c.params...)
			if code != http.StatusOK {
				t.Fatalf("status %d: %s", code, body)
			}
			if c.name != "ready" && !json.Valid([]byte(body)) {
				t.Errorf("no JSON: %s", body)
			}
			file := filepath.Join("testdata", c.name+".golden")
			if *update {
				if err := os.WriteFile(file, []byte(body), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if body != string(want) {
				t.Errorf("\n got %s\nwant %s", body, want)
			}
		})
	}
}

func TestHandlers_BadRequests_AreRefusedInLokisWords(t *testing.T) {
	const api = "/loki/api/v1/"
	for _, c := range []struct {
		path   string
		params []string
		code   int
		want   string
	}{
		{api + "query_range", []string{"query", `{job='a'}`}, 400, "parse error at line 1, col 6: syntax error: unexpected IDENTIFIER, expecting STRING"},
		{api + "query_range", nil, 400, "parse error : syntax error: unexpected $end"},
		{api + "query_range", []string{"query", `{job="a"}`, "limit", "10000"}, 400,
			"max entries limit per query exceeded, limit > max_entries_limit_per_query (10000 > 5000)"},
		{api + "query_range", []string{"query", `{job="a"}`, "limit", "0"}, 400, "limit must be a positive value"},
		{api + "query_range", []string{"query", `{job="a"}`, "limit", "x"}, 400, `strconv.Atoi: parsing "x": invalid syntax`},
		{api + "query_range", []string{"query", `{job="a"}`, "start", "2", "end", "1"}, 400, "end timestamp must not be before or equal to start time"},
		{api + "query_range", []string{"query", `{job="a"}`, "start", "2", "end", "1"}, 400, "end timestamp must not be before or equal to start time"},
		{api + "query_range", []string{"query", `{job="a"}`, "start", "yesterday"}, 400, `could not parse 'start' parameter: strconv.ParseInt: parsing "yesterday": invalid syntax`},
		{api + "query_range", []string{"query", `{job="a"}`, "direction", "up"}, 400, "invalid direction 'up'"},
		{api + "query_range", []string{"query", `rate({job="a"}[1m])`, "step", "0"}, 400, "zero or negative query resolution step widths are not accepted. Try a positive integer"},
		{api + "query_range", []string{"query", `rate({job="a"}[1m])`, "step", "-5s"}, 400, "zero or negative query resolution step widths are not accepted. Try a positive integer"},
		{api + "query_range", []string{"query", `rate({job="a"}[1m])`, "step", "1", "since", "24h"}, 400,
			"exceeded maximum resolution of 11,000 points per time series. Try increasing the value of the step parameter"},
		{api + "query_range", []string{"query", `count_over_time({job="app"} | json [1h])`}, 400, "pipeline error: 'JSONParserErr' for series: '"},
		{api + "query", []string{"query", `{job="app"}`}, 400,
			"log queries are not supported as an instant query type, please change your query to a range query type"},
		{api + "series", []string{"match", `{job="app"`}, 400, "parse error at line 1, col 11: syntax error: unexpected $end, expecting } or ,"},
		{api + "tail", []string{"query", `{job='a'}`}, 400, "parse error at line 1, col 6: syntax error: unexpected IDENTIFIER, expecting STRING"},
		{api + "tail", []string{"query", `{}`}, 400, "parse error : queries require at least one regexp or equality matcher"},
		{api + "tail", []string{"query", `{job="app"}`, "delay_for", "6"}, 400, "delay_for can't be greater than 5"},
		{api + "tail", []string{"query", `{job="app"}`, "limit", "-1"}, 400, "limit must be a positive value"},
		{api + "tail", []string{"query", `rate({job="app"}[1m])`}, 400, "parse error : only log selector is supported"},
		{api + "patterns", []string{"query", `{job="app"}`}, 404, "404 page not found"},
	} {
		_, web, _ := newTest(t, nil)
		code, body, header := get(t, web, c.path, c.params...)
		if code != c.code || !strings.HasPrefix(body, c.want) {
			t.Errorf("%s %v:\n got %d %s\nwant %d %s", c.path, c.params, code, body, c.code, c.want)
		}
		if ct := header.Get("Content-Type"); ct != "text/plain; charset=utf-8" {
			t.Errorf("%s: Content-Type %s", c.path, ct)
		}
	}
}

func TestSeries_Form_IsRead(t *testing.T) {
	_, web, _ := newTest(t, nil)
	resp, err := http.PostForm(web.URL+"/loki/api/v1/series", url.Values{"match[]": {`{job="access"}`}})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	want := `{"status":"success","data":[{"filename":"/var/log/web/access.log","host":"h1","job":"access","service_name":"access"}]}`
	if err != nil || string(b) != want {
		t.Errorf("got %s %v", b, err)
	}
	resp, err = http.Post(web.URL+"/loki/api/v1/series", "application/x-www-form-urlencoded", strings.NewReader("match="+strings.Repeat("x", 2*maxForm)))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusBadRequest {
		t.Errorf("a huge form: status %d", resp.StatusCode)
	}
}

func TestBuildInfo_NamesLokiAndOurselves(t *testing.T) {
	_, web, _ := newTest(t, nil)
	_, body, _ := get(t, web, "/loki/api/v1/status/buildinfo")
	var info map[string]string
	if err := json.Unmarshal([]byte(body), &info); err != nil || info["version"] != lokiVersion || info["revision"] != "livetail-0.1.0" || info["goVersion"] == "" {
		t.Errorf("got %s %v", body, err)
	}
}

func TestReady_WhenNotReady_SaysWhy(t *testing.T) {
	_, web, s := newTest(t, func(o *Options) { o.Ready = func() error { return tail.ErrPluginGone } })
	if code, body, _ := get(t, web, "/ready"); code != 503 || body != "plugin is gone\n" {
		t.Errorf("got %d %s", code, body)
	}
	_ = s.Close()
	if code, body, _ := get(t, web, "/ready"); code != 503 || body != "shutting down\n" {
		t.Errorf("got %d %s", code, body)
	}
}

// streamsOf reads the answer to a query for lines, as line texts.
func streamsOf(t *testing.T, body string) (lines []string, times []string) {
	t.Helper()
	var r struct {
		Data struct {
			Result []struct{ Values [][2]string }
		}
	}
	if err := json.Unmarshal([]byte(body), &r); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	for _, s := range r.Data.Result {
		for _, v := range s.Values {
			times, lines = append(times, v[0]), append(lines, v[1])
		}
	}
	return lines, times
}

// A client that pages through a log as logcli does, each page ending where the last one began, sees every line once.
func TestQueryRange_PagedInBatches_GivesEveryLineOnce(t *testing.T) {
	m, web, _ := newTest(t, nil)
	var want []string
	rnd := rand.New(rand.NewPCG(1, 1))
	at := noon.Add(-50 * time.Minute)
	for i := range 1000 {
		at = at.Add(time.Duration(rnd.IntN(3)) * time.Millisecond).Add(1)
		line := fmt.Sprintf("line %d", i)
		m.write("/paged.log", at, line)
		want = append(want, line)
	}
	m.update(func() { m.maxPage = 7 })
	for _, direction := range []string{"forward", "backward"} {
		var got []string
		start, end := ns(-time.Hour), ns(0)
		for {
			code, body, _ := get(t, web, "/loki/api/v1/query_range", "query", `{filename="/paged.log"}`, "limit", "90", "start", start, "end", end, "direction", direction)
			if code != 200 {
				t.Fatal(body)
			}
			lines, times := streamsOf(t, body)
			if len(lines) == 0 {
				break
			}
			got = append(got, lines...)
			last := times[len(times)-1]
			if direction == "forward" {
				var n int64
				fmt.Sscan(last, &n)
				start = fmt.Sprint(n + 1)
			} else {
				end = last
			}
		}
		if direction == "backward" {
			slices.Reverse(got)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %d lines, want %d", direction, len(got), len(want))
		}
	}
}

// The newest lines of several logs come out whatever the order in which the logs are read.
func TestQueryRange_SeveralLogs_AreMergedByTime(t *testing.T) {
	m, web, _ := newTest(t, nil)
	for i := range 300 {
		m.write(fmt.Sprintf("/many/%d.txt", i%7), noon.Add(-time.Duration(3000-i)*time.Second/10), fmt.Sprintf("line %d", i))
	}
	for direction, want := range map[string]string{"backward": "line 299", "forward": "line 0"} {
		_, body, _ := get(t, web, "/loki/api/v1/query_range", "query", `{filename=~"/many/.*"}`, "limit", "50", "direction", direction)
		lines, _ := streamsOf(t, body)
		seen := map[string]bool{}
		for _, l := range lines {
			seen[l] = true
		}
		if len(seen) != 50 || !seen[want] || !seen[fmt.Sprintf("line %d", map[string]int{"backward": 250, "forward": 49}[direction])] {
			t.Errorf("%s: %d lines: %v", direction, len(seen), lines)
		}
	}
}

// The points of a metric agree with counting the lines one by one.
func TestMatrix_RandomLines_AgreesWithCounting(t *testing.T) {
	rnd := rand.New(rand.NewPCG(2, 3))
	for range 20 {
		m, web, _ := newTest(t, nil)
		var times []int64
		at := noon.Add(-time.Hour)
		for range rnd.IntN(300) {
			at = at.Add(time.Duration(rnd.IntN(20)) * time.Second).Add(time.Nanosecond)
			m.write("/m.txt", at, "x")
			times = append(times, at.UnixNano())
		}
		step, width := int64(1+rnd.IntN(90))*1e9, int64(1+rnd.IntN(200))*1e9
		start, end := noon.Add(-50*time.Minute).UnixNano(), noon.UnixNano()
		_, body, _ := get(t, web, "/loki/api/v1/query_range", "query", fmt.Sprintf(`sum(count_over_time({filename="/m.txt"}[%ds]))`, width/1e9),
			"start", fmt.Sprint(start), "end", fmt.Sprint(end), "step", fmt.Sprintf("%dms", step/1e6))
		want := []byte(`{"status":"success","data":{"resultType":"matrix","result":[`)
		n := 0
		first, last := start/step*step, (end+step-1)/step*step // The points lie at multiples of the step.
		for p := first; p <= last; p += step {
			count := 0
			for _, x := range times {
				if x > p-width && x <= p {
					count++
				}
			}
			if count == 0 {
				continue
			}
			if n == 0 {
				want = append(want, `{"metric":{},"values":[`...)
			} else {
				want = append(want, ',')
			}
			n++
			want = appendSample(want, p, float64(count))
		}
		if n > 0 {
			want = append(want, "]}"...)
		}
		if want = append(want, resultEnd...); body != string(want) {
			t.Fatalf("step %d, range %d:\n got %s\nwant %s", step, width, body, want)
		}
	}
}

func TestQueryRange_Limits_AreHeld(t *testing.T) {
	limits := func(l Limits) func(*Options) { return func(o *Options) { o.Limits = l } }
	for _, c := range []struct {
		name   string
		limits Limits
		query  string
		code   int
		want   string
	}{
		{"logs", Limits{Streams: 1}, `{host="h1"}`, 400, "the query selects more than 1 logs"},
		{"bytes read", Limits{ScanBytes: 50}, `{host="h1"} |= "nosuch"`, 400, "the query would read too many bytes"},
		{"bytes returned", Limits{ResultBytes: 20}, `{host="h1"}`, 400, "the lines found are too many bytes"},
		{"series", Limits{Series: 1}, `count_over_time({host="h1"}[1h])`, 400, "maximum number of series (1) reached for a single query"},
		{"time", Limits{Timeout: 1}, `{host="h1"}`, 504, "the query took too long"},
	} {
		_, web, _ := newTest(t, limits(c.limits))
		code, body, _ := get(t, web, "/loki/api/v1/query_range", "query", c.query)
		if code != c.code || !strings.HasPrefix(body, c.want) {
			t.Errorf("%s: got %d %s", c.name, code, body)
		}
	}
}

func TestQueryRange_TailerInTrouble_IsAnsweredWithoutItsSecrets(t *testing.T) {
	for _, c := range []struct {
		err  error
		code int
	}{
		{tail.ErrPluginGone, 503}, {tail.ErrUnsupported, 501}, {tail.ErrTooMany, 429},
		{fmt.Errorf("open /secret/x: %w", tail.ErrUnreadable), 500}, {tail.ErrNotFound, 200}, {tail.ErrNotAllowed, 200},
	} {
		m, web, _ := newTest(t, nil)
		m.update(func() { m.broken = c.err })
		code, body, _ := get(t, web, "/loki/api/v1/query_range", "query", `{job="app"}`)
		if code != c.code || strings.Contains(body, "secret") {
			t.Errorf("%v: got %d %s", c.err, code, body)
		}
	}
}

// The rotated files of a log are part of it: beside it they are not listed, read or followed a second time.
func TestServer_RotatedFile_IsNoStreamOfItsOwn(t *testing.T) {
	m, web, _ := newTest(t, nil)
	m.write("/var/log/app.log.1", noon.Add(-time.Minute), "rotated")
	for _, c := range [][]string{{"series"}, {"label/filename/values"}, {"query_range", "query", `{job="app"}`}} {
		if code, body, _ := get(t, web, "/loki/api/v1/"+c[0], c[1:]...); code != 200 || strings.Contains(body, "app.log.1") || strings.Contains(body, `"rotated"`) {
			t.Errorf("%v: %d %s", c, code, body)
		}
	}
	if code, body, _ := get(t, web, "/loki/api/v1/query_range", "query", `{filename="/var/log/app.log.1"}`); code != 200 || !strings.Contains(body, `"rotated"`) {
		t.Errorf("by its name: %d %s", code, body)
	}
}
