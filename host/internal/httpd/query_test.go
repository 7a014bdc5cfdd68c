package httpd

import (
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/livetail/livetail/host/internal/render"
	"github.com/livetail/livetail/host/internal/wire"
	"github.com/livetail/livetail/plugin/tail"
)

func TestParse_Queries(t *testing.T) {
	s := &Server{o: Options{Lines: 1000}}
	for _, c := range []struct {
		query string
		start tail.Start
		check func(query) bool
	}{
		{"", tail.StartAtLastLines(1000), func(q query) bool { return !q.hub.Follow && !q.hub.Wait && !q.download && q.hub.Filter.IsZero() }},
		{"tail=1&wait=1", tail.StartAtLastLines(1000), func(q query) bool { return q.hub.Follow && q.hub.Wait }},
		{"tail=0", tail.StartAtLastLines(1000), func(q query) bool { return !q.hub.Follow }},
		{"lines=0", tail.StartAtEnd(), nil},
		{"lines=7", tail.StartAtLastLines(7), nil},
		{"from=g.12.c0", tail.StartAtPosition(tail.Position{Generation: "g", Offset: 12, Check: "c0"}), nil},
		{"from=g.12&lines=5", tail.StartAtPosition(tail.Position{Generation: "g", Offset: 12}), nil},
		{"from=g.12&left=e.1.c&left=f.2", tail.StartAtPosition(tail.Position{Generation: "g", Offset: 12}), func(q query) bool {
			return len(q.hub.Left) == 2 && q.hub.Left[1].String() == "f.2"
		}},
		{"left=e.1&lines=5", tail.StartAtLastLines(5), func(q query) bool { return q.hub.Left == nil }},
		{"from=beginning", tail.StartAtBeginning(), nil},
		{"from=end", tail.StartAtEnd(), nil},
		{"since=2026-01-31T12:00:00Z", tail.StartAtTime(time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)), nil},
		{"since=2026-01-31T12:00:00.5%2B02:00", tail.StartAtTime(time.Date(2026, 1, 31, 10, 0, 0, 5e8, time.UTC)), nil},
		{"since=1700000000", tail.StartAtTime(time.Unix(1700000000, 0)), nil},
		{"download=1", tail.StartAtBeginning(), func(q query) bool { return q.download }},
		{"download=1&lines=5", tail.StartAtLastLines(5), nil},
		{"include=a&include=b&exclude=c&exclude=", tail.StartAtLastLines(1000), func(q query) bool {
			return strings.Join(q.hub.Filter.Include, ",") == "a,b" && strings.Join(q.hub.Filter.Exclude, ",") == "c"
		}},
		{"format=ansi&unknown=1", tail.StartAtLastLines(1000), func(q query) bool { return q.format.As == render.ANSI && !q.format.Raw }},
	} {
		q, err := s.parse(logName, c.query, kindText)
		if err != nil {
			t.Errorf("%s: %v", c.query, err)
			continue
		}
		at, isTime := q.hub.Start.Time()
		want, _ := c.start.Time()
		if isTime && !at.Equal(want) || !isTime && q.hub.Start != c.start || c.check != nil && !c.check(q) {
			t.Errorf("%s: got %+v", c.query, q)
		}
	}
}

func TestParse_SinceADuration_IsSoLongAgo(t *testing.T) {
	s := &Server{}
	q, err := s.parse(logName, "since=15m", kindText)
	at, ok := q.hub.Start.Time()
	if ago := time.Since(at); err != nil || !ok || ago < 15*time.Minute || ago > 16*time.Minute {
		t.Errorf("got %v, %v", q.hub.Start, err)
	}
}

func TestParse_DefaultFormat_DependsOnTheProtocol(t *testing.T) {
	s := &Server{}
	for k, want := range map[kind]wire.Format{kindText: {As: render.Text}, kindPlain: {As: render.HTML}, kindV1: {Raw: true}} {
		if q, err := s.parse(logName, "", k); err != nil || q.format != want {
			t.Errorf("%v: got %v, %v", k, q.format, err)
		}
	}
	if q, err := s.parse(logName, "format=raw", kindV1); err != nil || !q.format.Raw {
		t.Errorf("raw: got %v, %v", q.format, err)
	}
}

func TestParse_BadValues_AreToldInOneSentence(t *testing.T) {
	s := &Server{}
	for q, want := range map[string]string{
		"tail=yes":                   "tail must be 1 or 0.",
		"wait=2":                     "wait must be 1 or 0.",
		"lines=-1":                   "lines must be a whole number from 0 to 1000000.",
		"lines=1000001":              "lines must be",
		"lines=1e3":                  "lines must be",
		"lines=99999999999999999999": "lines must be",
		"lines=1&lines=2":            "lines stands in the query 2 times",
		"from=nowhere":               "from must be a position",
		"from=g.-1":                  "from must be a position",
		"from=../etc.1":              "from must be a position",
		"from=g.1&left=nowhere":      "left must be a position",
		"from=g.1" + strings.Repeat("&left=f.1", 17): "left stands in the query 17 times; 16 are allowed.",
		"since=yesterday":                 "since must be a time",
		"since=-5m":                       "since must be a time",
		"since=-5":                        "since must be a time",
		"since=99999999999":               "since must be a time",
		"from=g.1&since=5m":               "exclude each other",
		"format=xml":                      "format must be html, text or ansi.",
		"format=raw":                      "format=raw needs the protocol livetail.v1",
		"include=(":                       "RE2",
		"include=a{1000}":                 "too costly",
		"tail=%zz":                        "cannot be read",
		"tail=1;lines=2":                  "cannot be read",
		"x=" + strings.Repeat("x", 8<<10): "8192 are allowed",
	} {
		_, err := s.parse(logName, q, kindText)
		if err == nil || !strings.Contains(err.Error(), want) || !errors.Is(err, tail.ErrBadRequest) {
			t.Errorf("%.40s: got %v", q, err)
		}
	}
}

func TestLogOf(t *testing.T) {
	for in, want := range map[string]string{
		"/var/log/app.log": "/var/log/app.log", "/": "/", "//var//log/./app.log/": "/var/log/app.log", "/a..b/..c/d..": "/a..b/..c/d..", "/你好 \\..\\x": "/你好 \\..\\x",
		"/%2e%2e/x": "/%2e%2e/x", // decoded once already
	} {
		if got, err := logOf(in); err != nil || got != want {
			t.Errorf("%q: got %q, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "*", "relative", "/a\x00.log", "/a\nb", "/a\x7f", "/a\u0085b", "/\xff", "/\xc0\xae\xc0\xae/x", "/" + strings.Repeat("x", tail.MaxPath)} {
		if got, err := logOf(in); !errors.Is(err, tail.ErrBadRequest) {
			t.Errorf("%.40q: got %q, %v", in, got, err)
		}
	}
	for _, in := range []string{"/..", "/../etc/passwd", "/var/../etc/passwd", "/var/.."} {
		if got, err := logOf(in); !errors.Is(err, tail.ErrNotAllowed) {
			t.Errorf("%q: got %q, %v", in, got, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("/var/log/app.log", "tail=1&lines=5&from=g.1&include=a")
	f.Add("/..", "since=5m&format=raw")
	f.Fuzz(func(t *testing.T, path, raw string) {
		s := &Server{o: Options{Lines: 10}}
		for _, k := range []kind{kindText, kindPlain, kindV1} {
			q, err := s.parse(path, raw, k)
			if bad := (*wire.RequestError)(nil); err != nil && !errors.Is(err, tail.ErrNotAllowed) && (!errors.As(err, &bad) || bad.Message == "") {
				t.Fatalf("got %v", err)
			}
			if err != nil {
				continue
			}
			if again, err := logOf(q.log); err != nil || again != q.log {
				t.Fatalf("%q became %q, which becomes %q, %v", path, q.log, again, err)
			}
			if q.format.Raw && k != kindV1 {
				t.Fatal("raw text for a protocol that does not know it")
			}
			if _, err := url.ParseQuery(raw); err != nil {
				t.Fatal("a query that cannot be read was read")
			}
		}
	})
}
