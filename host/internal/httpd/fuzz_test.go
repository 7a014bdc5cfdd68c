package httpd

import (
	"bufio"
	"errors"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/livetail/livetail/host/internal/access"
	"github.com/livetail/livetail/host/internal/mount"
	"github.com/livetail/livetail/host/internal/wire"
	"github.com/livetail/livetail/plugin/tail"
)

// FuzzURL sends request targets as they stand on the wire through what reads them: package net/http, the base path, the query, the roots of
// a token, the mounts. Whatever is let through names one log within the roots of the token, by what the path says when it is decoded once.
func FuzzURL(f *testing.F) {
	for _, target := range []string{
		"/logs/srv/app.log?tail=1&lines=5", "/logs/srv/%2e%2e/secret", "/logs/srv/%252e%252e/secret", "/logs//srv/./x/", "/logs/srv/../srv/x",
		"/logs/srv-secret/x", "/logs/docker/web?since=5m&format=raw", "/logs/dockerweb", "http://evil.test/logs/srv/x", "//logs/srv/x", "/logs/srv/%00",
		"/logs/srv/x?include=a%2Bb&exclude=(", "/logs/srv/x?from=g.12.c0&wait=1", "/logs?x", "*", "/logs/srv/%c0%ae%c0%ae/x", "/logs/srv/a;b?c;d", "/logs/srv/x#y",
	} {
		f.Add(target)
	}
	s, who := fuzzServer(f)
	f.Fuzz(func(t *testing.T, target string) {
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader("GET " + target + " HTTP/1.1\r\nHost: localhost\r\n\r\n")))
		if err != nil {
			return
		}
		below, ok := s.below(r.URL.Path)
		if !ok {
			return
		}
		for _, k := range []kind{kindText, kindPlain, kindV1} {
			q, err := s.ask(below, r.URL.RawQuery, k, who)
			if bad := (*wire.RequestError)(nil); err != nil {
				if !errors.Is(err, tail.ErrNotAllowed) && (!errors.As(err, &bad) || bad.Message == "") {
					t.Fatalf("got %v", err)
				}
				continue
			}
			switch {
			case !strings.HasPrefix(q.log, "/srv/") && q.log != "/srv" && !strings.HasPrefix(q.log, "/docker/") && q.log != "/docker":
				t.Fatalf("%q is outside of the roots", q.log)
			case path.Clean(q.log) != q.log || strings.Contains(q.log+"/", "/../") || strings.ContainsFunc(q.log, unicode.IsControl) || len(q.log) > tail.MaxPath:
				t.Fatalf("%q was let through", q.log)
			case q.source == nil || !strings.HasPrefix(q.hub.Log, "/") || path.Clean(q.hub.Log) != q.hub.Log:
				t.Fatalf("%q is the log %q", q.log, q.hub.Log)
			case q.format.Raw && k != kindV1:
				t.Fatal("raw text for a protocol that does not know it")
			case len(r.URL.RawQuery) > maxQuery || s.o.Messages.CheckFilter(q.hub.Filter) != nil:
				t.Fatalf("the query %q was let through", r.URL.RawQuery)
			}
			if prefix := s.prefix(q.source); prefix != mount.Root && prefix+strings.TrimSuffix(q.hub.Log, "/") != q.log || prefix == mount.Root && q.hub.Log != q.log {
				t.Fatalf("%q is %q at %q", q.log, q.hub.Log, prefix)
			}
			word, _, _ := strings.Cut(r.RequestURI, "?")
			if !strings.HasPrefix(word, "/") {
				continue // a whole URL, as proxies get it
			}
			if once, err := url.PathUnescape(word); err != nil || path.Clean(strings.TrimPrefix(once, "/logs")) != q.log || strings.Contains(once+"/", "/../") {
				t.Fatalf("%q was read as %q", word, q.log)
			}
		}
	})
}

// prefix is where a source is mounted.
func (s *Server) prefix(of *source) string {
	for m, source := range s.sources {
		if source == of {
			return m.Prefix
		}
	}
	return ""
}

// fuzzServer is a server with a base path and two mounts, and somebody who may follow some of what is there.
func fuzzServer(f *testing.F) (*Server, access.Identity) {
	token, line, err := access.NewToken("ann", "/srv", "/docker")
	if err != nil {
		f.Fatal(err)
	}
	file := filepath.Join(f.TempDir(), "credentials")
	if err := os.WriteFile(file, []byte(line+"\n"), 0o600); err != nil {
		f.Fatal(err)
	}
	a, err := access.New(access.Options{File: file})
	if err != nil {
		f.Fatal(err)
	}
	table, err := mount.New(mount.Mount{Prefix: mount.Root}, mount.Mount{Prefix: "/docker"})
	if err != nil {
		f.Fatal(err)
	}
	s, err := New(Options{Mounts: table, BasePath: "/logs", Access: a})
	if err != nil {
		f.Fatal(err)
	}
	r, err := http.NewRequest(http.MethodGet, "/", http.NoBody)
	if err != nil {
		f.Fatal(err)
	}
	r.RemoteAddr = "127.0.0.1:1"
	r.Header.Set("Authorization", "Bearer "+token)
	who, err := a.Check(r)
	if err != nil {
		f.Fatal(err)
	}
	return s, who
}
