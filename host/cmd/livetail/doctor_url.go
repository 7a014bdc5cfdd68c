package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gorilla/websocket"

	"github.com/livetail/livetail/host/internal/wire"
	"github.com/livetail/livetail/plugin/tail"
)

const (
	// visitTime bounds each step on the way to a server.
	visitTime = 15 * time.Second
	// maxAnswer bounds what is read of an answer.
	maxAnswer = 1 << 20
	// maxParts is how many parts of a URL's path may be those of a proxy.
	maxParts = 8
)

// visit is the examination of the way to a server.
type visit struct {
	url      *url.URL // of the log, with http or https
	base     string   // where the server begins: the URL up to the path under which a proxy publishes it
	log      string
	header   http.Header
	http     *http.Client
	findings []tail.Finding
}

func (v *visit) add(level tail.FindingLevel, id, what, do string) {
	v.findings = append(v.findings, tail.Finding{ID: id, Level: level, What: what, Do: do})
}

// examineURL goes the way of a viewer, and asks the server about the log.
func examineURL(ctx context.Context, arg string, header http.Header) (tail.Report, error) {
	u, err := url.Parse(arg)
	if err != nil || u.Host == "" {
		return tail.Report{}, &exitError{exitUsage, fmt.Errorf("%q is not a URL like http://127.0.0.1:8765/var/log/app.log", arg)}
	}
	switch u.Scheme {
	case "ws":
		u.Scheme = "http"
	case "wss":
		u.Scheme = "https"
	case "http", "https":
	default:
		return tail.Report{}, &exitError{exitUsage, fmt.Errorf("%q is not a URL of http, https, ws or wss", arg)}
	}
	u.RawQuery, u.Fragment = "", ""
	v := &visit{url: u, header: header, http: &http.Client{
		Timeout:       visitTime,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	defer v.http.CloseIdleConnections()
	if v.find(ctx) && v.ask(ctx) {
		v.upgrade(ctx)
	}
	return tail.Report{Findings: v.findings}, ctx.Err()
}

// get asks for a path below base.
func (v *visit) get(ctx context.Context, rawURL string) (*answer, string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, rawURL, nil)
	if err != nil {
		return nil, "", err
	}
	req.Header = v.header.Clone()
	resp, err := v.http.Do(req)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	return &answer{resp.StatusCode, resp.Status, resp.Header}, string(body), err
}

// answer is a response whose body has been read.
type answer struct {
	StatusCode int
	Status     string
	Header     http.Header
}

// find looks for the server: it may be published under a path. It reports whether there is one.
func (v *visit) find(ctx context.Context) bool {
	origin := v.url.Scheme + "://" + v.url.Host
	parts := strings.Split(strings.Trim(v.url.EscapedPath(), "/"), "/")
	var first *answer
	var firstBody string
	for n := range min(len(parts), maxParts) + 1 {
		under := ""
		if n > 0 {
			under = "/" + strings.Join(parts[:n], "/")
		}
		resp, body, err := v.get(ctx, origin+under+"/-/healthz")
		if err != nil {
			v.unreachable(origin, err)
			return false
		}
		if resp.StatusCode == http.StatusOK && body == "ok\n" {
			v.base = origin + under
			v.log, _ = url.PathUnescape(strings.TrimPrefix(v.url.EscapedPath(), under))
			v.proxy(resp)
			return true
		}
		if first == nil {
			first, firstBody = resp, body
		}
	}
	if first.StatusCode == http.StatusForbidden && first.Header.Get("X-Content-Type-Options") == "nosniff" {
		v.add(tail.FindingProblem, "host", fmt.Sprintf("The server at %s refuses this name: %s", origin, oneLine(strings.TrimSpace(firstBody))),
			fmt.Sprintf("Start livetail with --public-url %s, or --allowed-host %s; behind a proxy, pass the Host header on.", origin, v.url.Hostname()))
		return false
	}
	what := first.Status
	if s := first.Header.Get("Server"); s != "" {
		what += " from " + s
	}
	v.add(tail.FindingProblem, "not-livetail", fmt.Sprintf("What answers at %s is not livetail (%s).", origin, what),
		"Check the address and the port; behind a proxy, check that it passes the path on, and that --base-path is the same there and here.")
	return false
}

func (v *visit) unreachable(origin string, err error) {
	do := "Check that livetail serve runs, and where it listens: it says so when it starts."
	if host := v.url.Hostname(); host != "localhost" && !net.ParseIP(host).IsLoopback() {
		do += " By default it is reached from its own machine alone: --listen. A firewall may stand between, too."
	}
	if inner := (*url.Error)(nil); errors.As(err, &inner) {
		err = inner.Err
	}
	v.add(tail.FindingProblem, "server-unreachable", fmt.Sprintf("No server can be reached at %s: %s.", origin, oneLine(err.Error())), do)
}

// proxy says whether something stands between, by what it adds to answers.
func (v *visit) proxy(resp *answer) {
	between := resp.Header.Get("Via")
	if between == "" {
		between = resp.Header.Get("Server") // livetail itself sends none.
	}
	if between == "" {
		v.add(tail.FindingOK, "server", "livetail answers at "+v.base+"/.", "")
		return
	}
	v.add(tail.FindingOK, "server", fmt.Sprintf("livetail answers at %s/, through a proxy (%s).", v.base, oneLine(between)), "")
}

// ask has the server examine the log. It reports whether to go on.
func (v *visit) ask(ctx context.Context) bool {
	if v.log == "" || v.log == "/" {
		v.add(tail.FindingNote, "no-log", "The URL names no log.", "Add the absolute path of one to ask about it.")
		return false
	}
	resp, body, err := v.get(ctx, v.base+"/-/doctor?log="+url.QueryEscape(v.log))
	if err != nil {
		v.unreachable(v.base, err)
		return false
	}
	said := oneLine(strings.TrimSpace(body))
	switch resp.StatusCode {
	case http.StatusOK:
	case http.StatusUnauthorized:
		v.add(tail.FindingProblem, "credentials", "The server asks for credentials.", "Set $"+tokenEnv+" to a token, which livetail token makes, or use --header.")
		return false
	case http.StatusForbidden:
		v.add(tail.FindingProblem, "not-allowed", fmt.Sprintf("The server does not allow %s: %s", v.log, said),
			"Name its folder as a root of livetail serve, or allow it to the holder of this token.")
		return false
	case http.StatusNotImplemented:
		v.add(tail.FindingNote, "cannot-examine", "The plugin of this server cannot examine logs.", "Ask on its machine: livetail doctor FILE.")
		return true
	case http.StatusNotFound:
		v.add(tail.FindingNote, "cannot-examine", "This server is too old to examine logs.", "Ask on its machine: livetail doctor FILE.")
		return true
	default:
		v.add(tail.FindingProblem, "server-error", fmt.Sprintf("The server says %s: %s", resp.Status, said), "Look at its log and at /-/readyz.")
		return false
	}
	var answer struct {
		Findings []struct{ ID, Level, What, Do string }
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		v.add(tail.FindingProblem, "not-livetail", "The answer of the server cannot be read.", "Check what stands between: a proxy may have changed it.")
		return false
	}
	for _, f := range answer.Findings {
		for _, l := range []tail.FindingLevel{tail.FindingOK, tail.FindingNote, tail.FindingProblem} {
			if l.String() == f.Level {
				v.add(l, f.ID, f.What, f.Do)
			}
		}
	}
	return true
}

// upgrade opens a stream as a viewer does.
func (v *visit) upgrade(ctx context.Context) {
	d := websocket.Dialer{HandshakeTimeout: visitTime, Subprotocols: []string{wire.Subprotocol}}
	target := "ws" + strings.TrimPrefix(v.base, "http") + v.url.EscapedPath()[len(v.url.EscapedPath())-len((&url.URL{Path: v.log}).EscapedPath()):] + "?lines=0&tail=1&wait=1"
	conn, resp, err := d.DialContext(ctx, target, v.header)
	if resp != nil {
		defer resp.Body.Close()
	}
	if err != nil {
		status := oneLine(err.Error())
		if resp != nil {
			status = resp.Status
		}
		v.add(tail.FindingProblem, "websocket", fmt.Sprintf("No WebSocket can be opened (%s).", status),
			"Have the proxy pass Upgrade and Connection on, and speak HTTP/1.1 to livetail.")
		return
	}
	defer conn.Close()
	start := time.Now()
	_ = conn.SetReadDeadline(start.Add(visitTime))
	conn.SetReadLimit(maxAnswer)
	if _, _, err := conn.ReadMessage(); err != nil {
		v.add(tail.FindingProblem, "websocket", fmt.Sprintf("A WebSocket can be opened, but nothing comes through it (%s).", oneLine(err.Error())),
			"Look at the proxy: it may buffer, or end what it does not know.")
		return
	}
	if conn.Subprotocol() != wire.Subprotocol {
		v.add(tail.FindingNote, "websocket", "A WebSocket can be opened, but the protocol "+wire.Subprotocol+" is lost on the way.",
			"Have the proxy pass Sec-WebSocket-Protocol on, in both directions.")
		return
	}
	v.add(tail.FindingOK, "websocket", fmt.Sprintf("A WebSocket can be opened; the server's greeting came after %v.", time.Since(start).Round(10*time.Microsecond)), "")
}
