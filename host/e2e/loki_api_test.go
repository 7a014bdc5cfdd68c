package e2e

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// Every endpoint that Grafana and logcli ask, as they ask it, against a running front door with its plugin process: the shapes that their code takes.
func TestLoki_EveryEndpointOfARunningFrontDoor_HasItsShape(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(dir, "app.log")
	at := time.Now().Add(-time.Minute)
	appendTo(t, log, fmt.Sprintf("%s | ERROR | one \"quoted\" trace_id=4bf92f3577b34da6a3ce929d0e0e4736\n", at.Format("2006-01-02 15:04:05.000")))
	appendTo(t, filepath.Join(dir, "web.log"), fmt.Sprintf(`{"time":%q,"level":"info","n":1}`+"\n", at.Format(time.RFC3339Nano)))
	addr, _ := serve(t, "--loki-backlog", "0", dir)
	eventually(t, "the front door is ready", func() bool {
		resp, err := http.Get("http://" + addr + "/ready")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	q := regexp.QuoteMeta
	stream := func(log, job string) string {
		return `"filename":"` + q(log) + `","host":"` + q(host) + `","job":"` + job + `","service_name":"` + job + `"`
	}
	app, web := stream(log, "app"), stream(filepath.Join(dir, "web.log"), "web")
	ns := `"` + `\d{19}"`
	for _, c := range []struct {
		method, path string
		params       url.Values
		want         string
	}{
		{"GET", "/ready", nil, `ready\n`},
		{"GET", "/loki/api/v1/status/buildinfo", nil, `\{"version":"3\.\d+\.\d+","revision":"livetail-.+","branch":"","buildUser":"","buildDate":"","goVersion":"go.+"\}`},
		{"GET", "/loki/api/v1/query", url.Values{"direction": {"backward"}, "query": {"vector(1)+vector(1)"}, "time": {"4000000000"}}, // Save & test
			`\{"status":"success","data":\{"resultType":"vector","result":\[\{"metric":\{\},"value":\[4000000000,"2"\]\}\],"stats":\{\}\}\}`},
		{"GET", "/loki/api/v1/query", url.Values{"query": {`sum(count_over_time({job="app"}[24h]))`}},
			`\{"status":"success","data":\{"resultType":"vector","result":\[\{"metric":\{\},"value":\[[0-9.]+,"1"\]\}\],"stats":\{\}\}\}`},
		{"GET", "/loki/api/v1/query_range", url.Values{"query": {`{job="app"}`}, "limit": {"1000"}, "direction": {"backward"}, "step": {"1000ms"}},
			`\{"status":"success","data":\{"resultType":"streams","result":\[\{"stream":\{"detected_level":"error",` + app + `,"trace_id":"4bf92f3577b34da6a3ce929d0e0e4736"\},"values":\[\[` + ns + `,".* \\"quoted\\" .*"\]\]\}\],"stats":\{\}\}\}`},
		{"GET", "/loki/api/v1/query_range", url.Values{"query": {`{job="none"}`}}, `\{"status":"success","data":\{"resultType":"streams","result":\[\],"stats":\{\}\}\}`},
		{"GET", "/loki/api/v1/query_range", url.Values{"query": {`sum by (level, detected_level) (count_over_time({job=~".+"} | drop __error__ [1h]))`}, "step": {"3600000ms"}}, // Explore's volume
			`\{"status":"success","data":\{"resultType":"matrix","result":\[\{"metric":\{"detected_level":"error"\},"values":\[\[[0-9.]+,"1"\]\]\},\{"metric":\{"detected_level":"info"\},"values":\[\[[0-9.]+,"1"\]\]\}\],"stats":\{\}\}\}`},
		{"GET", "/loki/api/v1/labels", url.Values{"start": {"0"}}, `\{"status":"success","data":\["filename","host","job","service_name"\]\}`},
		{"GET", "/loki/api/v1/label/job/values", nil, `\{"status":"success","data":\["app","web"\]\}`},
		{"GET", "/loki/api/v1/label/none/values", nil, `\{"status":"success","data":\[\]\}`},
		{"GET", "/loki/api/v1/series", url.Values{"match": {`{job="app"}`}}, `\{"status":"success","data":\[\{` + app + `\}\]\}`},
		{"POST", "/loki/api/v1/series", url.Values{"match[]": {`{job="app"}`, `{job="web"}`}}, `\{"status":"success","data":\[\{` + app + `\},\{` + web + `\}\]\}`},
		{"GET", "/loki/api/v1/index/stats", url.Values{"query": {`{job="app"}`}}, `\{"streams":1,"chunks":1,"entries":0,"bytes":\d+\}`},
	} {
		req, err := http.NewRequestWithContext(t.Context(), c.method, "http://"+addr+c.path+"?"+c.params.Encode(), nil)
		if c.method == "POST" {
			req, err = http.NewRequestWithContext(t.Context(), c.method, "http://"+addr+c.path, strings.NewReader(c.params.Encode()))
		}
		if err != nil {
			t.Fatal(err)
		}
		if c.method == "POST" {
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		req.Header.Set("X-Loki-Response-Encoding-Flags", "categorize-labels") // Grafana always says so, and reads an answer without.
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK || !regexp.MustCompile(`^`+c.want+`$`).Match(body) {
			t.Errorf("%s %s: %s\n got %s\nwant %s", c.method, c.path, resp.Status, body, c.want)
		}
	}

	for query, want := range map[string]string{ // Before the upgrade, errors are plain text.
		`{job=}`:       "400 parse error at line 1, col 6: syntax error: unexpected }, expecting STRING",
		`rate({}[5m])`: "400",
	} {
		_, resp, err := websocket.DefaultDialer.Dial("ws://"+addr+"/loki/api/v1/tail?"+url.Values{"query": {query}}.Encode(), nil)
		if err == nil {
			t.Fatalf("%s was accepted", query)
		}
		body, _ := io.ReadAll(resp.Body)
		if got := fmt.Sprint(resp.StatusCode, " ", strings.TrimSpace(string(body))); !strings.HasPrefix(got, want) || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/plain") {
			t.Errorf("%s: %s", query, got)
		}
	}
	c, _, err := websocket.DefaultDialer.Dial("ws://"+addr+"/loki/api/v1/tail?"+url.Values{"query": {`{job="app"}`}}.Encode(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	appendTo(t, log, "new\n")
	_ = c.SetReadDeadline(time.Now().Add(patience))
	kind, message, err := c.ReadMessage()
	want := `^\{"streams":\[\{"stream":\{"detected_level":"unknown",` + app + `\},"values":\[\[` + ns + `,"new"\]\]\}\]\}$`
	if err != nil || kind != websocket.TextMessage || !regexp.MustCompile(want).Match(message) {
		t.Errorf("the tail says %v %s %v\nwant %s", kind, message, err, want)
	}
}
