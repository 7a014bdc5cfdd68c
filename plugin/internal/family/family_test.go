package family

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestParse_KnownRotators(t *testing.T) {
	for _, tt := range []struct {
		rotator, base, name string
		stamp               string // RFC 3339; empty for a number
		number, counter     int
		packed              string
	}{
		{"lumberjack", "app.log", "app-2026-11-23T07-08-09.012.log", "2026-11-23T07:08:09.012Z", 0, 0, ""},
		{"lumberjack, compressed", "app.log", "app-2026-11-23T07-08-09.012.log.gz", "2026-11-23T07:08:09.012Z", 0, 0, ".gz"},
		{"lumberjack, no extension", "app", "app-2026-11-23T07-08-09.012", "2026-11-23T07:08:09.012Z", 0, 0, ""},
		{"loguru", "file.log", "file.2020-09-17_08-59-00_123456.log", "2020-09-17T08:59:00.123456Z", 0, 0, ""},
		{"loguru, same moment", "file.log", "file.2020-09-17_08-59-00_123456.2.log", "2020-09-17T08:59:00.123456Z", 0, 2, ""},
		{"loguru, tar", "file.log", "file.2020-09-17_08-59-00_123456.log.tar.gz", "2020-09-17T08:59:00.123456Z", 0, 0, ".tar.gz"},
		{"logrotate", "app.log", "app.log.1", "", 1, 0, ""},
		{"logrotate, many", "app.log", "app.log.365.gz", "", 365, 0, ".gz"},
		{"logrotate, start 0", "app.log", "app.log.0", "", 0, 0, ""},
		{"logrotate, extension", "app.log", "app.1.log", "", 1, 0, ""},
		{"logrotate, dateext", "app.log", "app.log-20261123", "2026-11-23T00:00:00Z", 0, 0, ""},
		{"logrotate, dateext by hour", "app.log", "app.log-2026112307.zst", "2026-11-23T07:00:00Z", 0, 0, ".zst"},
		{"logrotate, dateext by minute", "app.log", "app.log-202611230708", "2026-11-23T07:08:00Z", 0, 0, ""},
		{"logrotate, dateext and extension", "app.log", "app-20261123.log", "2026-11-23T00:00:00Z", 0, 0, ""},
		{"logrotate, dateformat -%Y-%m-%d", "app.log", "app.log-2026-11-23.xz", "2026-11-23T00:00:00Z", 0, 0, ".xz"},
		{"logrotate, dateformat -%s", "app.log", "app.log-1795417200", "2026-11-23T07:00:00Z", 0, 0, ""},
		{"logrotate, last resort", "app.log", "app.log-2026112307.backup", "2026-11-23T07:00:00Z", 0, 0, ""},
		{"kubelet", "0.log", "0.log.20261123-070809", "2026-11-23T07:08:09Z", 0, 0, ""},
		{"kubelet, compressed", "0.log", "0.log.20261123-070809.gz", "2026-11-23T07:08:09Z", 0, 0, ".gz"},
		{"Docker", "abc-json.log", "abc-json.log.1.gz", "", 1, 0, ".gz"},
		{"Python, by size", "app.log", "app.log.5", "", 5, 0, ""},
		{"Python, by day", "app.log", "app.log.2026-11-23", "2026-11-23T00:00:00Z", 0, 0, ""},
		{"Python, by hour", "app.log", "app.log.2026-11-23_07", "2026-11-23T07:00:00Z", 0, 0, ""},
		{"Python, by minute", "app.log", "app.log.2026-11-23_07-08", "2026-11-23T07:08:00Z", 0, 0, ""},
		{"Python, by second", "app.log", "app.log.2026-11-23_07-08-09", "2026-11-23T07:08:09Z", 0, 0, ""},
		{"logback", "app.log", "app.2026-11-23.log", "2026-11-23T00:00:00Z", 0, 0, ""},
		{"logback, size and time", "app.log", "app-2026-11-23.12.log.gz", "2026-11-23T00:00:00Z", 0, 12, ".gz"},
		{"log4j", "app.log", "app-11-23-2026-3.log.gz", "2026-11-23T00:00:00Z", 0, 3, ".gz"},
		{"log4j, number", "app.log", "app-7.log.gz", "", 7, 0, ".gz"},
		{"nginx", "access.log", "access.log.12.gz", "", 12, 0, ".gz"},
		{"compressed in place", "app.log", "app.log.gz", "", 0, 0, ".gz"},
		{"multilog", "current", "@4000000067417d3a2b8e6c1c.s", "2024-11-23T06:59:06.730754076Z", 0, 0, ""},
	} {
		t.Run(tt.rotator, func(t *testing.T) {
			m, ok := Parse(tt.base, tt.name)
			if !ok {
				t.Fatalf("%s is no sibling of %s", tt.name, tt.base)
			}
			stamp := ""
			if m.Scheme == Stamped {
				stamp = m.Stamp.Format(time.RFC3339Nano)
			}
			if stamp != tt.stamp || m.Number != tt.number || m.Counter != tt.counter || m.Packed != tt.packed {
				t.Errorf("got %+v", m)
			}
		})
	}
}

func TestParse_OtherFiles(t *testing.T) {
	for _, tt := range [][2]string{
		{"app.log", "app.log"}, {"app.log", "app"}, {"app.log", "other.log"}, {"app.log", "app.log.tmp"}, {"app.log", "app.log.bak"},
		{"app.log", "app.log.1.tmp"}, {"app.log", "app.log.1~"}, {"app.log", ".app.log.swp"}, {"app.log", "app.log.-1"}, {"app.log", "app.log.01"},
		{"app.log", "app.log1"}, {"app.log", "application.log"}, {"app.log", "app-x.log"}, {"app.log", "app-2.log"}, {"app.log", "app_2.log"},
		{"app.log", "app-x-2026-11-23T07-08-09.012.log"}, {"app.log", "myapp.log.1"}, {"app.log", "app.log-20261399"}, {"app.log", "app.log-99999999"},
		{"app.log", "app.log.1/x"}, {"app.log", "../app.log.1"}, {"app.log", ""}, {"", "app.log"}, {"app", "app.log"}, {"app", "app.conf"}, {"app", "app2"},
		{"app.log", "app..log"}, {"app.log", "app.log."}, {"app.log", "app.log.gz.gz"}, {"app.log", "app.log.123456789"}, {"current", "@x"}, {"current", "lock"},
		{"app.log", "app.err"}, {"app.log", "app.2.err"}, {".log", "x.1.log"}, {"app.log", "app.log." + strings.Repeat("1", 300)},
	} {
		if m, ok := Parse(tt[0], tt[1]); ok {
			t.Errorf("%q is a sibling of %q: %+v", tt[1], tt[0], m)
		}
	}
}

// candidates makes generations of names; times are in minutes, "name" or "name@modified" or "name@modified/born".
func candidates(t *testing.T, base string, specs ...string) []Candidate {
	t.Helper()
	at := func(s string) time.Time {
		if s == "" {
			return time.Time{}
		}
		d, err := time.ParseDuration(s)
		if err != nil {
			t.Fatal(err)
		}
		return time.Unix(1.7e9, 0).Add(d)
	}
	var out []Candidate
	for _, s := range specs {
		name, times, _ := strings.Cut(s, "@")
		modified, born, _ := strings.Cut(times, "/")
		m, ok := Parse(base, name)
		if !ok {
			t.Fatalf("%q is no sibling", name)
		}
		out = append(out, Candidate{Member: m, Modified: at(modified), Born: at(born)})
	}
	return out
}

func TestOrder(t *testing.T) {
	for _, tt := range []struct {
		name, base string
		in, want   []string
		inferred   bool
	}{
		{"none", "a.log", nil, nil, false},
		{"numbers are not compared as text", "a.log", []string{"a.log.10", "a.log.2", "a.log.1.gz", "a.log.11.gz"}, []string{"a.log.11.gz", "a.log.10", "a.log.2", "a.log.1.gz"}, false},
		{
			"loguru's counter is a number, and none comes first", "f.log",
			[]string{"f.2020-09-17_08-59-00_123456.10.log", "f.2020-09-17_08-59-00_123456.log", "f.2020-09-17_08-59-00_123456.2.log"},
			[]string{"f.2020-09-17_08-59-00_123456.log", "f.2020-09-17_08-59-00_123456.2.log", "f.2020-09-17_08-59-00_123456.10.log"}, false,
		},
		{
			"lumberjack", "a.log",
			[]string{"a-2026-11-23T07-00-00.002.log", "a-2026-11-23T07-00-00.001.log.gz"},
			[]string{"a-2026-11-23T07-00-00.001.log.gz", "a-2026-11-23T07-00-00.002.log"}, false,
		},
		{
			"a file and its compressed form are one generation", "a.log",
			[]string{"a.log.2.gz", "a.log.1", "a.log.1.gz"}, []string{"a.log.2.gz", "a.log.1"}, false,
		},
		{
			"times agree with names", "a.log", []string{"a.log.1@20m/10m", "a.log.2@10m/0m"}, []string{"a.log.2", "a.log.1"}, false,
		},
		{
			"times of compressed files say nothing", "a.log", []string{"a.log.1.gz@10m/0m", "a.log.2.gz@20m/10m"}, []string{"a.log.2.gz", "a.log.1.gz"}, false,
		},
		{
			"clock went back: birth contradicts the stamp", "a.log",
			[]string{"a-2026-10-25T02-10-00.000.log@90m/80m", "a-2026-10-25T02-50-00.000.log@50m/40m"},
			[]string{"a-2026-10-25T02-10-00.000.log", "a-2026-10-25T02-50-00.000.log"}, true,
		},
		{
			"the highest number is the newest", "a.log", []string{"a.log.1@1m", "a.log.2@2m", "a.log.3@3m"}, []string{"a.log.1", "a.log.2", "a.log.3"}, true,
		},
		{
			"times contradict in part", "a.log", []string{"a.log.1@1m", "a.log.2@2m", "a.log.3@0m"}, []string{"a.log.3", "a.log.2", "a.log.1"}, true,
		},
		{
			"two schemes go by time", "a.log", []string{"a.log.1@30m", "a.log-20231114@5m", "a.log.2@20m"}, []string{"a.log-20231114", "a.log.2", "a.log.1"}, true,
		},
		{"same stamp twice", "a.log", []string{"a.log-20261123", "a.log-2026112300"}, []string{"a.log-20261123", "a.log-2026112300"}, true},
		{"names that may be other logs", "a.log", []string{"a.1.log", "a.2.log"}, []string{"a.2.log", "a.1.log"}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := candidates(t, tt.base, tt.in...)
			before := slices.Clone(in)
			got, inferred := Order(in)
			var names []string
			for _, c := range got {
				names = append(names, c.Name)
			}
			if !slices.Equal(names, tt.want) || inferred != tt.inferred {
				t.Errorf("got %q, inferred %v; want %q, %v", names, inferred, tt.want, tt.inferred)
			}
			if !slices.Equal(in, before) {
				t.Error("the argument was changed")
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range [][2]string{
		{"app.log", "app.log.1.gz"}, {"app.log", "app-2026-11-23T07-08-09.012.log"}, {"file.log", "file.2020-09-17_08-59-00_123456.2.log"},
		{"0.log", "0.log.20261123-070809"}, {"current", "@4000000067417d3a2b8e6c1c.s"}, {"a", "a-1795417200"}, {".", ".."}, {"a.log", "a..log"},
	} {
		f.Add(s[0], s[1])
	}
	f.Fuzz(func(t *testing.T, base, name string) {
		m, ok := Parse(base, name)
		if !ok {
			return
		}
		if m.Name != name || m.Plain+m.Packed != name || name == base || m.Number < 0 || m.Counter < 0 {
			t.Fatalf("%q of %q: %+v", name, base, m)
		}
		if (m.Scheme == Stamped) == m.Stamp.IsZero() || m.Scheme == 0 {
			t.Fatalf("%q of %q: %+v", name, base, m)
		}
		if strings.Contains(name, "/") || strings.Contains(name, "\x00") || !strings.HasPrefix(name, strings.TrimSuffix(base, ext(base))) && base != "current" {
			t.Fatalf("%q of %q", name, base)
		}
		// The compressed form of an uncompressed generation is the same generation.
		if m.Packed == "" && len(name) < 200 {
			p, ok := Parse(base, name+".gz")
			if !ok || p.Stamp != m.Stamp || p.Number != m.Number || p.Counter != m.Counter || p.Plain != name {
				t.Fatalf("%q of %q is %+v, with .gz %+v", name, base, m, p)
			}
		}
	})
}

func ext(base string) string {
	if i := strings.LastIndexByte(base, '.'); i >= 0 {
		return base[i:]
	}
	return ""
}
