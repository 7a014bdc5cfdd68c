package linetime

import (
	"testing"
	"time"
)

// reference is when the logs of these tests were last written.
var reference = time.Date(2020, 9, 17, 12, 0, 0, 0, time.UTC)

func TestFind_UsualLayouts_AreRecognised(t *testing.T) {
	shanghai, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		t.Skipf("no time zone data: %v", err)
	}
	const utc, local = "2020-09-17T08:59:00.123Z", "2020-09-17T08:59:00.123+08:00"
	for _, c := range []struct{ name, line, want string }{
		{"loguru", "2020-09-17 08:59:00.123 | INFO     | __main__:<module>:30 - 你好aaa", local},
		{"loguru with colours", "\x1b[32m2020-09-17 08:59:00.123\x1b[0m | \x1b[1mINFO    \x1b[0m | x", local},
		{"ISO with Z", "2020-09-17T08:59:00.123Z INFO x", utc},
		{"ISO with small t and z", "2020-09-17t08:59:00.123z x", utc},
		{"ISO with offset", "2020-09-17T16:59:00.123+08:00 x", utc},
		{"ISO with short offset", "2020-09-17T16:59:00.123+08 x", utc},
		{"ISO with offset without colon", "2020-09-17T03:59:00.123-0500 x", utc},
		{"ISO with spaced offset", "2020-09-17 03:59:00.123 -0500 x", utc},
		{"ISO with UTC", "2020-09-17 08:59:00.123 UTC [12] LOG:  x", utc},
		{"nine digits", "2020-09-17T08:59:00.123456789Z stdout F x", "2020-09-17T08:59:00.123456789Z"},
		{"twelve digits", "2020-09-17T08:59:00.123456789999Z x", "2020-09-17T08:59:00.123456789Z"},
		{"no fraction", "2020-09-17 08:59:00 x", "2020-09-17T08:59:00+08:00"},
		{"a hyphen is no offset", "2020-09-17 08:59:00.123 - 10 items", local},
		{"a negative number is no offset", "2020-09-17 08:59:00.123 -10 degrees", local},
		{"alone on the line", "2020-09-17 08:59:00.123", local},
		{"carriage return", "2020-09-17 08:59:00.123\r", local},
		{"Python logging", "2020-09-17 08:59:00,123 - root - WARNING - x", local},
		{"Python logging with level first", "WARNING 2020-09-17 08:59:00,123 x", local},
		{"in brackets", "[2020-09-17 08:59:00,123] {x.py:3} INFO - y", local},
		{"Jupyter", "[I 2020-09-17 08:59:00.123 ServerApp] x", local},
		{"Ruby", "I, [2020-09-17T08:59:00.123 #4]  INFO -- : x", local},
		{"Go log", "2020/09/17 08:59:00.123 x", local},
		{"Go log with file", "2020/09/17 08:59:00 main.go:3: x", "2020-09-17T08:59:00+08:00"},
		{"nginx error", "2020/09/17 08:59:00 [error] 7#7: *1 x", "2020-09-17T08:59:00+08:00"},
		{"nginx access", `10.0.0.1 - bob [17/Sep/2020:03:59:00 -0500] "GET / HTTP/1.1" 200 12`, "2020-09-17T08:59:00Z"},
		{"Apache with host", `www.example.com:80 ::1 - - [17/Sep/2020:08:59:00 +0000] "GET / HTTP/1.1" 200 12`, "2020-09-17T08:59:00Z"},
		{"Apache error", "[Thu Sep 17 08:59:00.123456 2020] [core:error] [pid 1] x", "2020-09-17T08:59:00.123456+08:00"},
		{"ctime", "Thu Sep  7 08:59:00 2020 x", "2020-09-07T08:59:00+08:00"},
		{"date", "Thu Sep 17 08:59:00 UTC 2020", "2020-09-17T08:59:00Z"},
		{"RFC 1123", "Thu, 17 Sep 2020 08:59:00 GMT x", "2020-09-17T08:59:00Z"},
		{"syslog", "Sep 17 08:59:00 host app[3]: x", "2020-09-17T08:59:00+08:00"},
		{"syslog with one digit", "Sep  7 08:59:00 host app[3]: x", "2020-09-07T08:59:00+08:00"},
		{"syslog with priority", "<34>Sep 17 08:59:00 host app: x", "2020-09-17T08:59:00+08:00"},
		{"syslog with fraction", "Sep 17 08:59:00.123 host app: x", local},
		{"syslog with year", "Sep 17 2019 08:59:00 host app: x", "2019-09-17T08:59:00+08:00"},
		{"syslog of last year", "Dec 31 23:59:59 host app: x", "2019-12-31T23:59:59+08:00"},
		{"syslog of a leap day", "Feb 29 08:00:00 host app: x", "2020-02-29T08:00:00+08:00"},
		{"syslog a little ahead", "Sep 20 08:59:00 host app: x", "2020-09-20T08:59:00+08:00"},
		{"RFC 5424", "<165>1 2020-09-17T08:59:00.123Z host app - ID47 - x", utc},
		{"klog", "I0917 08:59:00.123456       1 main.go:7] x", "2020-09-17T08:59:00.123456+08:00"},
		{"klog error of last year", "E1231 08:59:00.123456       1 main.go:7] x", "2019-12-31T08:59:00.123456+08:00"},
		{"redis", "1234:M 17 Sep 2020 08:59:00.123 * Ready", local},
		{"Tomcat", "17-Sep-2020 08:59:00.123 INFO [main] x", local},
		{"one digit for the day", "7 Sep 2020 08:59:00 x", "2020-09-07T08:59:00+08:00"},
		{"basic ISO", "20200917T085900.123Z x", utc},
		{"basic date", "20200917 08:59:00.123 x", local},
		{"seconds", "1600333140 x", "2020-09-17T08:59:00Z"},
		{"squid", "1600333140.123    180 10.0.0.1 TCP_MISS/200 x", utc},
		{"milliseconds", "1600333140123 x", utc},
		{"microseconds", "1600333140123456 x", "2020-09-17T08:59:00.123456Z"},
		{"nanoseconds", "1600333140123456789 x", "2020-09-17T08:59:00.123456789Z"},
		{"seconds in brackets", "[1600333140] x", "2020-09-17T08:59:00Z"},
		{"compose prefix", "app_1  | 2020-09-17 08:59:00.123 x", local},
		{"byte order mark", "\xef\xbb\xbf2020-09-17 08:59:00.123 x", local},
		{"indented", "    2020-09-17 08:59:00.123 x", local},
		{"quoted", `"2020-09-17 08:59:00.123","x"`, local},
		{"CSV", `17,2020-09-17 08:59:00.123,x`, local},
		{"JSON time", `{"level":"info","time":"2020-09-17T08:59:00.123Z","msg":"x"}`, utc},
		{"JSON ts number", `{"level":"info","ts":1600333140.123,"msg":"x"}`, utc},
		{"JSON ts exponent", `{"ts":1.600333140123e+09}`, utc},
		{"JSON milliseconds", `{"timestamp":1600333140123}`, utc},
		{"JSON @timestamp", `{"@timestamp" : "2020-09-17T08:59:00.123Z"}`, utc},
		{"JSON asctime", `{"asctime": "2020-09-17 08:59:00,123", "x": 1}`, local},
		{"JSON after a nasty message", `{"msg":"a \"time\":\"1999-01-01T00:00:00Z\" \\","n":{"a":[1,"}"]},"time":"2020-09-17T08:59:00.123Z"}`, utc},
		{"JSON with a duration first", `{"time":12.5,"ts":"2020-09-17T08:59:00.123Z"}`, utc},
		{"loguru serialized", `{"text": "x\n", "record": {"elapsed": {"repr": "0:00:01", "seconds": 1.1}, "level": {"no": 20}, ` +
			`"time": {"repr": "2020-09-17 08:59:00.123000+00:00", "timestamp": 1600333140.123}}}`, utc},
		{"MongoDB", `{"t":{"$date":"2020-09-17T08:59:00.123+00:00"},"s":"I"}`, utc},
		{"Docker", `{"log":"x\n","stream":"stdout","time":"2020-09-17T08:59:00.123Z"}`, utc},
		{"logrus", `time="2020-09-17T08:59:00Z" level=info msg="x"`, "2020-09-17T08:59:00Z"},
		{"slog", `time=2020-09-17T08:59:00.123Z level=INFO msg=x`, utc},
		{"go-kit", `level=info ts=2020-09-17T08:59:00.123Z caller=x.go:3`, utc},
		{"logfmt after a message", `level=info msg="at 1999-01-01 00:00:00 \"x" ts=1600333140.123 a=b`, utc},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := Parser{Location: shanghai, Reference: reference}
			want, err := time.Parse(time.RFC3339Nano, c.want)
			if err != nil {
				t.Fatal(err)
			}
			got, ok := p.Find([]byte(c.line))
			if !ok {
				t.Fatalf("%q: no time, want %v", c.line, want)
			}
			if !got.Equal(want) {
				t.Errorf("%q:\n got %v\nwant %v", c.line, got.UTC(), want.UTC())
			}
			if again, ok := p.Find([]byte(c.line)); !ok || !again.Equal(got) {
				t.Errorf("the second look says %v", again)
			}
		})
	}
}

func TestFind_LinesWithoutTime_HaveNone(t *testing.T) {
	for _, line := range []string{
		"", " ", "\x1b[31m", "Traceback (most recent call last):", `  File "x.py", line 3, in <module>`,
		"    at com.example.Main(2020-09-17 08:59:00)", "INFO[0000] started", "12", "1234567890123456789012345", "9999999999 x",
		"2020-13-17 08:59:00", "2020-02-30 08:59:00", "2019-02-29 08:59:00", "2020-09-17 24:59:00", "2020-09-17 08:60:00", "2020-09-17 08:59:61",
		"2020-09-17", "2020-09-17 08:59", "0001-01-01T00:00:00Z", "2300-01-01T00:00:00Z", "Sep 17", "Sep 31 08:59:00 x", "Septembre 17 08:59:00",
		"I0917", "X0917 08:59:00.123456 x", "17/Sep/2020", "call +1600333140", "port 1600333140", "1600333140abc", "1600333140-17",
		"{", "{}", `{"a"`, `{"time":`, `{"time":"x"}`, `{"time":null,"ts":true}`, `{"msg":"2020-09-17 08:59:00"}`, `{"time":{"time":{"time":{"time":1600333140}}}}`,
		"time=", "time=12.5s", "uptime=1600333140", "[", "<", "<34>", "<34", "2020-09-17x08:59:00", "\xff\xfe2",
	} {
		p := Parser{Reference: reference}
		if got, ok := p.Find([]byte(line)); ok {
			t.Errorf("%q: got %v, want none", line, got)
		}
	}
}

func TestFind_ClockChange_GivesTheOffsetOfEachSide(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skipf("no time zone data: %v", err)
	}
	p := Parser{Location: berlin, Reference: reference}
	for _, c := range []struct{ line, want string }{
		{"2020-03-29 01:59:59.999 x", "2020-03-29T00:59:59.999Z"},
		{"2020-03-29 03:00:00.000 x", "2020-03-29T01:00:00Z"},
		{"2020-10-25 03:00:00.000 x", "2020-10-25T02:00:00Z"},
		{"2020-10-25 01:59:59.000 x", "2020-10-24T23:59:59Z"},
		{"2020-07-01 00:00:00 x", "2020-06-30T22:00:00Z"},
		{"2020-01-01 00:00:00 x", "2019-12-31T23:00:00Z"},
	} {
		got, ok := p.Find([]byte(c.line))
		if !ok || got.UTC().Format(time.RFC3339Nano) != c.want {
			t.Errorf("%q: got %v %v, want %v", c.line, got.UTC(), ok, c.want)
		}
	}
}

// The standard library agrees about every day.
func TestDays_EveryDate_AgreesWithTheCalendar(t *testing.T) {
	for d := time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC); d.Year() <= maxYear; d = d.AddDate(0, 0, 1) {
		if got, ok := days(d.Year(), int(d.Month()), d.Day()); !ok || got != d.Unix()/secondsPerDay {
			t.Fatalf("%v: got %d %v", d, got, ok)
		}
	}
}

func TestFind_AllocatesNothing(t *testing.T) {
	p := Parser{Location: time.FixedZone("x", 3600), Reference: reference}
	for name, line := range benchmarkLines {
		b := []byte(line)
		if n := testing.AllocsPerRun(100, func() { p.Nano(b) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

var benchmarkLines = map[string]string{
	"loguru":  "2020-09-17 08:59:00.123 | INFO     | __main__:<module>:30 - 你好aaa",
	"colour":  "\x1b[32m2020-09-17 08:59:00.123\x1b[0m | \x1b[1mINFO    \x1b[0m | x",
	"access":  `10.0.0.1 - - [17/Sep/2020:03:59:00 -0500] "GET /some/where HTTP/1.1" 200 12 "-" "Mozilla/5.0"`,
	"syslog":  "Sep 17 08:59:00 host app[3]: x",
	"json":    `{"level":"info","msg":"something happened somewhere","caller":"a/b.go:12","ts":1600333140.123}`,
	"logfmt":  `level=info msg="something happened" ts=2020-09-17T08:59:00.123Z caller=x.go:3`,
	"none":    `the quick brown fox jumps over the lazy dog and says (nothing) of interest, 42 times in 7 days`,
	"indent":  `    at com.example.deeply.nested.Name.method(Name.java:123)`,
	"numbers": `{"ts":1.600333140123e+09}`,
}

func BenchmarkNano(b *testing.B) {
	for _, zone := range []*time.Location{time.UTC, time.FixedZone("x", 8*3600)} {
		for name, line := range benchmarkLines {
			b.Run(zone.String()+"/"+name, func(b *testing.B) {
				p := Parser{Location: zone, Reference: reference}
				l := []byte(line)
				b.ReportAllocs()
				for b.Loop() {
					p.Nano(l)
				}
			})
		}
	}
}

// Whatever stands in a line, a time in it lies in the years that are recognised, and the second look says the same as the first.
func FuzzNano(f *testing.F) {
	for _, l := range benchmarkLines {
		f.Add([]byte(l), false)
	}
	f.Add([]byte(`<34>1 2020-09-17T08:59:00.123+08:00 x`), true)
	f.Add([]byte(`{"record":{"time":{"repr":"2020-09-17 08:59:00.123000+00:00"}}}`), true)
	f.Add([]byte(`I0917 08:59:00.123456       1 main.go:7] x`), true)
	f.Add([]byte("Thu, 17 Sep 2020 08:59:00 GMT"), true)
	zone := time.FixedZone("x", -11*3600)
	shared := Parser{Location: zone, Reference: reference}
	f.Fuzz(func(t *testing.T, line []byte, other bool) {
		p := Parser{Reference: reference}
		if other {
			p.Location = zone
		}
		ns, ok := p.Nano(line)
		if !ok {
			if ns != 0 {
				t.Errorf("%q: no time, but %d", line, ns)
			}
			return
		}
		if y := time.Unix(0, ns).UTC().Year(); y < minYear-1 || y > maxYear+1 {
			t.Errorf("%q: year %d", line, y)
		}
		if other {
			if got, ok := shared.Nano(line); !ok || got != ns {
				t.Errorf("%q: another parser that saw other lines before says %d, not %d", line, got, ns)
			}
		}
	})
}
