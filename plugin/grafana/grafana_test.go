package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/data"
	"github.com/grafana/grafana-plugin-sdk-go/genproto/pluginv2"
)

func (g *grafana) check() (ok bool, message string) {
	g.t.Helper()
	r, err := g.health.CheckHealth(g.t.Context(), &pluginv2.CheckHealthRequest{PluginContext: g.where})
	if err != nil {
		g.t.Fatal(err)
	}
	return r.GetStatus() == pluginv2.CheckHealthResponse_OK, r.GetMessage()
}

func TestHealth_SaysWhatIsWrong(t *testing.T) {
	dir := t.TempDir()
	d := serve(t, dir)
	if ok, message := load(t, "http://"+d.addr, nil).check(); !ok || !strings.Contains(message, "ready") {
		t.Errorf("a good one: %v %s", ok, message)
	}
	for name, url := range map[string]string{"nobody there": "http://127.0.0.1:1", "no URL": "", "no HTTP": "ftp://x"} {
		r, err := load(t, url, nil).health.CheckHealth(t.Context(), &pluginv2.CheckHealthRequest{PluginContext: load(t, url, nil).where})
		if err == nil && (r.GetStatus() == pluginv2.CheckHealthResponse_OK || r.GetMessage() == "") {
			t.Errorf("%s: %v %s", name, r.GetStatus(), r.GetMessage())
		}
	}
}

func TestQuery_LinesOfARange(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(dir, "app.log")
	base := time.Now().Add(-time.Hour).UTC().Truncate(time.Second)
	var b strings.Builder
	for i := range 300 {
		fmt.Fprintf(&b, "%s | INFO | line %d\n", base.Add(time.Duration(i)*10*time.Second).Format("2006-01-02 15:04:05.000"), i)
	}
	appendTo(t, log, b.String())
	g := load(t, "http://"+serve(t, dir).addr, nil)
	for _, c := range []struct {
		name, query string
		from, to    time.Duration // after the first line
		want        string
	}{
		{"the last ones", fmt.Sprintf(`{"log":%q,"lines":3}`, log), 0, 2 * time.Hour, "line 297 line 298 line 299"},
		{"a range in the past", fmt.Sprintf(`{"log":%q}`, log), 100 * time.Second, 125 * time.Second, "line 10 line 11 line 12"},
		{"a filter", fmt.Sprintf(`{"log":%q,"include":"line 2.7$","exclude":"line 20"}`, log), 0, 2 * time.Hour, "line 217 line 227 line 237 line 247 line 257 line 267 line 277 line 287 line 297"},
	} {
		r, err := g.data.QueryData(t.Context(), &pluginv2.QueryDataRequest{PluginContext: g.where, Queries: []*pluginv2.DataQuery{{
			RefId: "A", Json: []byte(c.query), TimeRange: &pluginv2.TimeRange{FromEpochMS: base.Add(c.from).UnixMilli(), ToEpochMS: base.Add(c.to).UnixMilli()},
		}}})
		if err != nil {
			t.Fatal(err)
		}
		a := r.GetResponses()["A"]
		if a.GetError() != "" {
			t.Errorf("%s: %s", c.name, a.GetError())
			continue
		}
		frames, err := data.UnmarshalArrowFrames(a.GetFrames())
		if err != nil || len(frames) != 1 {
			t.Fatalf("%s: %d frames %v", c.name, len(frames), err)
		}
		var got []string
		for i := range frames[0].Rows() {
			got = append(got, frames[0].Fields[1].At(i).(string)[len("2006-01-02 15:04:05.000 | INFO | "):])
			if i > 0 && !frames[0].Fields[0].At(i).(time.Time).After(frames[0].Fields[0].At(i-1).(time.Time)) {
				t.Errorf("%s: times do not grow", c.name)
			}
		}
		if f := frames[0].Fields[4]; f.Name != "severity" || f.At(0) != "info" {
			t.Errorf("%s: the %s is %v", c.name, f.Name, f.At(0))
		}
		if s := strings.Join(got, " "); s != c.want || frames[0].Meta.Type != data.FrameTypeLogLines {
			t.Errorf("%s: got %s", c.name, s)
		}
	}
	for query, want := range map[string]string{
		`{"log":"/etc/passwd"}`: "not allowed", fmt.Sprintf(`{"log":%q}`, log+"x"): "not found", `{"log":"app"}`: "not the path of a log",
		fmt.Sprintf(`{"log":%q,"lines":99999}`, log): "not between", `{`: "no JSON", fmt.Sprintf(`{"log":%q,"include":"["}`, log): "pattern",
	} {
		r, err := g.data.QueryData(t.Context(), &pluginv2.QueryDataRequest{PluginContext: g.where, Queries: []*pluginv2.DataQuery{{RefId: "A", Json: []byte(query), TimeRange: &pluginv2.TimeRange{}}}})
		if err != nil {
			t.Fatal(err)
		}
		if got := r.GetResponses()["A"].GetError(); !strings.Contains(got, want) {
			t.Errorf("%s: got %q, want %q", query, got, want)
		}
	}
}

// A time that names no zone is of the one that the data source has.
func TestQuery_TimeZoneOfTheSettings(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(dir, "app.log")
	appendTo(t, log, "2026-11-23 10:00:00 line\n")
	g := load(t, "http://"+serve(t, dir).addr, nil)
	g.where.DataSourceInstanceSettings.JsonData = []byte(`{"timeZone":"+05:30"}`)
	r, err := g.data.QueryData(t.Context(), &pluginv2.QueryDataRequest{PluginContext: g.where, Queries: []*pluginv2.DataQuery{{
		RefId: "A", Json: fmt.Appendf(nil, `{"log":%q}`, log), TimeRange: &pluginv2.TimeRange{ToEpochMS: time.Now().UnixMilli()},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	frames, err := data.UnmarshalArrowFrames(r.GetResponses()["A"].GetFrames())
	if err != nil || len(frames) != 1 || frames[0].Rows() != 1 {
		t.Fatalf("%v %v", r, err)
	}
	if at := frames[0].Fields[0].At(0).(time.Time); !at.Equal(time.Date(2026, 11, 23, 4, 30, 0, 0, time.UTC)) {
		t.Errorf("the line is of %v", at.UTC())
	}
	g.where.DataSourceInstanceSettings.JsonData = []byte(`{"timeZone":"Atlantis"}`)
	g.where.DataSourceInstanceSettings.LastUpdatedMS++
	if r, err := g.health.CheckHealth(t.Context(), &pluginv2.CheckHealthRequest{PluginContext: g.where}); err == nil && r.GetStatus() == pluginv2.CheckHealthResponse_OK {
		t.Error("any zone is taken")
	}
}

func TestResource_ListsTheLogs(t *testing.T) {
	dir := t.TempDir()
	appendTo(t, filepath.Join(dir, "a.log"), "x\n")
	appendTo(t, filepath.Join(dir, "b.log"), "x\n")
	g := load(t, "http://"+serve(t, dir).addr, nil)
	if status, body := g.resource("logs"); status != 200 || body != fmt.Sprintf(`[%q,%q]`, filepath.Join(dir, "a.log"), filepath.Join(dir, "b.log")) {
		t.Errorf("got %d %s", status, body)
	}
	if status, _ := g.resource("../etc"); status != 404 {
		t.Errorf("got %d", status)
	}
}

// The whole of it: the last lines, new ones, a rotation, livetail restarted in the middle, the data source killed in the middle. What a panel
// has in the end, by the ids of lines, is the log.
func TestStream_RotationRestartAndKill_LosesAndDoublesNothing(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(dir, "app.log")
	appendTo(t, log, "line 0\n")
	d := serve(t, dir)
	g := load(t, "http://"+d.addr, nil)
	query := fmt.Sprintf(`{"log":%q,"lines":5000}`, log)
	seen := map[string]bool{}
	var lines []string
	next := 1
	write := func(n int) {
		for range n {
			appendTo(t, log, fmt.Sprintf("line %d\n", next))
			next++
		}
	}
	take := func(s shown) {
		if !seen[s.id] {
			seen[s.id] = true
			lines = append(lines, s.text)
		}
	}
	steps := 0
	if err := g.follow(query, func(s shown) bool {
		take(s)
		if len(lines) < next {
			return false
		}
		switch steps++; steps {
		case 1:
			write(100)
			if err := os.Rename(log, log+".1"); err != nil {
				t.Error(err)
			}
			write(100)
		case 2:
			d.restart()
			write(100)
		default:
			return true
		}
		return false
	}); err != nil {
		t.Fatal(err)
	}

	killed := false
	err := g.follow(query, func(s shown) bool {
		take(s)
		if !killed && len(lines) == next {
			killed = true
			write(50)
			g.kill() // And with it the stream, while lines are on their way.
		}
		return false
	})
	if err == nil || !killed {
		t.Fatalf("the stream went on: %v", err)
	}
	write(50)
	if err := g.follow(query, func(s shown) bool { take(s); return len(lines) >= next }); err != nil {
		t.Fatal(err)
	}
	for i, text := range lines {
		if text != fmt.Sprintf("line %d", i) {
			t.Fatalf("line %d is %q", i, text)
		}
	}
	if len(lines) != next {
		t.Errorf("%d lines of %d", len(lines), next)
	}
}

func TestStream_WhatMayNotBeFollowed_IsRefused(t *testing.T) {
	g := load(t, "http://"+serve(t, t.TempDir()).addr, nil)
	if err := g.follow(`{"log":"etc"}`, func(shown) bool { return true }); err == nil || !strings.Contains(err.Error(), "NOT_FOUND") {
		t.Errorf("no path: %v", err)
	}
	if err := g.follow(`{"log":"/etc/passwd"}`, func(shown) bool { return true }); err == nil || !strings.Contains(err.Error(), "not allowed") {
		t.Errorf("a forbidden one: %v", err)
	}
}

func TestCredentials_AreSentAlong(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(dir, "app.log")
	appendTo(t, log, "secret line\n")
	secret, line := credential(t)
	tokens := filepath.Join(t.TempDir(), "tokens")
	appendTo(t, tokens, line+"\n")
	d := serve(t, "--token-file", tokens, dir)
	if ok, message := load(t, "http://"+d.addr, nil).check(); ok || !strings.Contains(message, "credentials") {
		t.Errorf("without: %v %s", ok, message)
	}
	g := load(t, "http://"+d.addr, map[string]string{"token": secret})
	if ok, message := g.check(); !ok {
		t.Errorf("with: %s", message)
	}
	if err := g.follow(fmt.Sprintf(`{"log":%q}`, log), func(s shown) bool { return s.text == "secret line" }); err != nil {
		t.Error(err)
	}
}

// A front door whose certificate nobody knows but who is told, and which asks for a certificate itself.
func TestTLS_AsTheSettingsSay(t *testing.T) {
	dir, certs := t.TempDir(), t.TempDir()
	log := filepath.Join(dir, "app.log")
	appendTo(t, log, "a line\n")
	cert, key := certificate(t)
	certFile, keyFile := filepath.Join(certs, "cert.pem"), filepath.Join(certs, "key.pem")
	appendTo(t, certFile, cert)
	appendTo(t, keyFile, key)
	d := serve(t, "--tls-cert", certFile, "--tls-key", keyFile, "--tls-client-ca", certFile, dir)
	where := "https://" + d.addr
	if ok, message := load(t, where, nil).check(); ok || !strings.Contains(message, "certificate") {
		t.Errorf("without settings: %v %s", ok, message)
	}
	g := load(t, where, map[string]string{"tlsCACert": cert})
	g.where.DataSourceInstanceSettings.JsonData = []byte(`{"tlsAuthWithCACert":true}`)
	if ok, message := g.check(); ok {
		t.Errorf("without a certificate of its own: %s", message)
	}
	g = load(t, where, map[string]string{"tlsCACert": cert, "tlsClientCert": cert, "tlsClientKey": key})
	g.where.DataSourceInstanceSettings.JsonData = []byte(`{"tlsAuthWithCACert":true,"tlsAuth":true}`)
	if ok, message := g.check(); !ok {
		t.Errorf("with all of it: %s", message)
	}
	if err := g.follow(fmt.Sprintf(`{"log":%q}`, log), func(s shown) bool { return s.text == "a line" }); err != nil {
		t.Error(err)
	}
}
