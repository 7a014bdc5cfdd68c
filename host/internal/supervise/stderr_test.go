package supervise_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/livetail/livetail/host/internal/supervise"
)

func records(o supervise.StderrOptions, writes ...string) (out []supervise.Record) {
	o.Emit = func(r supervise.Record) { out = append(out, r) }
	w := supervise.NewStderr(o)
	for _, s := range writes {
		_, _ = w.Write([]byte(s))
	}
	w.Flush()
	return out
}

func TestStderr_Lines_BecomeRecords(t *testing.T) {
	for _, c := range []struct {
		name, in string
		want     supervise.Record
	}{
		{"text", "hello\r\n", supervise.Record{Level: "info", Message: "hello"}},
		{"without an end", "last words", supervise.Record{Level: "info", Message: "last words"}},
		{"logrus", `{"level":"warning","msg":"slow","time":"2026-01-01T00:00:00Z","n":3,"path":"/a"}` + "\n", supervise.Record{
			Level: "warning", Message: "slow", Structured: true, Fields: map[string]string{"n": "3", "path": "/a"},
		}},
		{"hclog", `{"@level":"warn","@message":"x","@timestamp":"t","@module":"m"}` + "\n", supervise.Record{
			Level: "warning", Message: "x", Structured: true, Fields: map[string]string{"@module": "m"},
		}},
		{"fatal", `{"level":"fatal","msg":"x"}`, supervise.Record{Level: "error", Message: "x", Structured: true}},
		{"a message that is no text", `{"@message":1}`, supervise.Record{Level: "info", Message: "1", Structured: true}},
		{"a level that is no text", `{"level":[1],"msg":"x"}`, supervise.Record{Level: "info", Message: "x", Structured: true}},
		{"JSON that is no record", `{"a":1}`, supervise.Record{Level: "info", Message: `{"a":1}`}},
		{"half JSON", `{"msg":`, supervise.Record{Level: "info", Message: `{"msg":`}},
		{"terminal control", "\x1b[2Ja\u202eb\xff\x00", supervise.Record{Level: "info", Message: `\x1b[2Ja\u202eb\xff\x00`}},
		{"a forged line", `{"msg":"x\nlevel=fatal"}`, supervise.Record{Level: "info", Message: `x\nlevel=fatal`, Structured: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := records(supervise.StderrOptions{}, c.in)
			if len(got) != 1 || !reflect.DeepEqual(got[0], c.want) {
				t.Errorf("got %+v\nwant %+v", got, c.want)
			}
		})
	}
}

func TestStderr_LineInManyWrites_IsOneRecord(t *testing.T) {
	got := records(supervise.StderrOptions{}, "a", "b", "\n", "\n", "c\nd")
	if len(got) != 3 || got[0].Message != "ab" || got[1].Message != "c" || got[2].Message != "d" {
		t.Errorf("got %+v", got)
	}
}

func TestStderr_LineWithoutEnd_IsCutAndTheNextOneIsWhole(t *testing.T) {
	chunk := strings.Repeat("x", 1000)
	var writes []string
	for range 1000 {
		writes = append(writes, chunk)
	}
	got := records(supervise.StderrOptions{MaxLine: 100}, append(writes, "\nnext\n")...)
	if len(got) != 2 || got[0].Message != strings.Repeat("x", 100)+"…" || got[1].Message != "next" {
		t.Errorf("got %.200q", fmt.Sprint(got))
	}
}

func TestStderr_TooManyLines_AreDroppedAndCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []supervise.Record
		w := supervise.NewStderr(supervise.StderrOptions{Rate: 10, Burst: 5, Emit: func(r supervise.Record) { got = append(got, r) }})
		for range 100 {
			fmt.Fprintln(w, "x")
		}
		if len(got) != 5 {
			t.Errorf("%d records in a burst of 5", len(got))
		}
		got = nil
		for range 100 { // The steady state: 100 lines a second, of which 10 may come.
			time.Sleep(10 * time.Millisecond)
			fmt.Fprintln(w, "y")
		}
		if len(got) < 9 || len(got) > 11 {
			t.Errorf("%d records in a second at a rate of 10", len(got))
		}
		if got[0].Dropped < 95 {
			t.Errorf("%d dropped lines are reported", got[0].Dropped)
		}
	})
}

func FuzzStderr(f *testing.F) {
	f.Add([]byte(`{"@message":1}`+"\n"), uint8(3))
	f.Add([]byte(`{"level":"info","msg":"x","a":{"b":[1,null]}}`+"\nplain\x00\xff\r\n"), uint8(1))
	f.Fuzz(func(t *testing.T, in []byte, size uint8) {
		const limit = 64
		w := supervise.NewStderr(supervise.StderrOptions{MaxLine: limit, Burst: 1 << 20, Emit: func(r supervise.Record) {
			texts := []string{r.Message}
			for k, v := range r.Fields {
				texts = append(texts, k, v)
			}
			for _, s := range texts {
				if !utf8.ValidString(s) || strings.ContainsFunc(s, func(c rune) bool { return !unicode.IsPrint(c) }) {
					t.Errorf("%q is not harmless", s)
				}
			}
			if len(r.Message) > limit+20 {
				t.Errorf("the message has %d bytes", len(r.Message))
			}
		}})
		for chunk := range slices.Chunk(in, int(size)+1) {
			if n, err := w.Write(chunk); n != len(chunk) || err != nil {
				t.Errorf("Write returned %d, %v", n, err)
			}
		}
		w.Flush()
	})
}
