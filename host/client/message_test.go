package client

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/livetail/livetail/host/internal/wire"
	"github.com/livetail/livetail/plugin/tail"
)

// FuzzDecode: nothing that a server sends panics, and the fast way reads what package json reads.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"t":"lines","start":"g.0","end":"g.9","text":"a\n\"\\\t\/"}`))
	f.Add([]byte(`{"t":"lines","start":"g.0","end":"g.9","text":"a\u0000"}`))
	f.Add([]byte(`{"t":"lines","start":"g.0","end":"g.9","text":"a","x":"}`))
	f.Add([]byte(`{"t":"lines","start":"g.0","end":"g.9","text":"\u001b[1m\u4f60\ud83d\ude00 123456789 \"x\" 1234567"}`))
	f.Add([]byte(`{"t":"page","id":1,"events":[{"t":"late","text":"x"}]}`))
	f.Add([]byte(`{"t":"lines","start":"g.0","end":"g.9","text":"\"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if fast, ok := fastLines(bytes.Clone(data)); ok {
			var m struct{ Text string }
			// The fast way takes control characters and what is not UTF-8 as they are; package json does not.
			if err := json.Unmarshal(data, &m); err == nil && utf8.Valid(fast.Text) && m.Text != string(fast.Text) {
				t.Errorf("%q: fast way reads %q, package json %q", data, fast.Text, m.Text)
			}
		}
		_, _ = decode(bytes.Clone(data))
	})
}

func TestDecode_WhatTheServerEncodes_ComesBack(t *testing.T) {
	r := wire.NewRenderer(wire.Format{Raw: true})
	p := func(n int64) tail.Position { return tail.Position{Generation: "g1", Offset: n, Check: "k"} }
	n := int64(3)
	for _, e := range []tail.Event{
		tail.Lines{Start: p(0), End: p(9), Text: []byte("a\"\\\t\n\x1b[0m你\n")},
		tail.Lines{Start: p(0), End: p(9), Text: []byte("plain\n")},
		tail.Lines{Start: p(0), End: p(9), Text: []byte("\x1b[31mred\x1b[0m \x00\x7f \"quoted\" \\u0041 😀\b\f\r\n")},
		tail.Lines{Start: p(0), End: p(9), Text: []byte("a\nb\n"), Offsets: []uint32{0, 7}},
		tail.Boundary{From: p(1), To: p(0), How: tail.HowSwitched, Order: tail.OrderInferred, Name: "x"},
		tail.Truncated{From: p(1), To: p(0)},
		tail.Gap{Cause: tail.CauseOverrun, After: p(1), Before: p(2), Lines: &n, Evidence: []string{"why"}},
		tail.CaughtUp{At: p(1)},
	} {
		m, err := decode(r.Render(e))
		if err != nil || !reflect.DeepEqual(m.event, e) {
			t.Errorf("got  %+v (%v)\nwant %+v", m.event, err, e)
		}
	}
}

func TestBackoff_GrowsToItsLimitWithJitter(t *testing.T) {
	for n := range 100 {
		want := min(firstWait<<min(n, 20), maxWait)
		if got := backoff(n, 0); got < want || got > 2*want {
			t.Errorf("attempt %d waits %v, want %v to %v", n, got, want, 2*want)
		}
	}
	if got := backoff(0, time.Minute); got < time.Minute || got > 2*time.Minute {
		t.Errorf("advice of a minute gives %v", got)
	}
}

func BenchmarkDecodeLines(b *testing.B) {
	for name, line := range map[string]string{
		"plain":  "2020-09-17 08:59:00.123 | INFO     | __main__:<module>:30 - 你好aaa\n",
		"colour": "\x1b[32m2020-09-17 08:59:00.123\x1b[0m | \x1b[1mINFO    \x1b[0m | - \x1b[1m你好aaa\x1b[0m\n",
		"quotes": `{"time":"2020-09-17T08:59:00.123Z","level":"info","message":"你好aaa","user":"x"}` + "\n",
	} {
		b.Run(name, func(b *testing.B) {
			text := bytes.Repeat([]byte(line), 3000)
			data := wire.NewRenderer(wire.Format{Raw: true}).Render(tail.Lines{
				Start: tail.Position{Generation: "g"}, End: tail.Position{Generation: "g", Offset: int64(len(text))}, Text: text,
			})
			scratch := make([]byte, len(data))
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				copy(scratch, data)
				if m, err := decode(scratch); err != nil || len(m.event.(tail.Lines).Text) != len(text) {
					b.Fatal(err)
				}
			}
		})
	}
}
