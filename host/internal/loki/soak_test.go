//go:build soak

package loki

import (
	"bufio"
	"compress/gzip"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/livetail/livetail/plugin/filetail"
)

// One minute out of a long history, most of it compressed: how long it takes and what memory, as the history grows. The sizes, in GiB,
// are those of LOKI_HISTORY (default "1 10"), the generations of 100 MiB each; the oldest four and the live one are not compressed.
//
//	go test -tags soak -run TestSoak_QueryOneMinute -v -timeout 60m ./host/internal/loki
func TestSoak_QueryOneMinute_OutOfALongHistory(t *testing.T) {
	sizes := os.Getenv("LOKI_HISTORY")
	if sizes == "" {
		sizes = "1 10"
	}
	for size := range strings.FieldsSeq(sizes) {
		gib, err := strconv.ParseFloat(size, 64)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(size+"GiB", func(t *testing.T) { oneMinute(t, int64(gib*(1<<30))) })
	}
}

const (
	generationSize = 100 << 20
	perLine        = 10 * time.Millisecond // between two lines
)

// history writes generations of total bytes, and returns how many lines there are in each and when the first was written.
func history(t *testing.T, log string, total int64) (generations, lines int, first time.Time) {
	t.Helper()
	pad := strings.Repeat("0123456789 ", 17)
	width := len(fmt.Sprintf("%s | INFO     | line %012d %s\n", "2006-01-02 15:04:05.000", 0, pad))
	lines = generationSize / width
	generations = int(total / generationSize)
	end := time.Now().UTC().Truncate(time.Second)
	first = end.Add(-time.Duration(generations*lines) * perLine)
	at, n := first, 0
	for g := generations; g > 0; g-- {
		name, packed := fmt.Sprintf("%s.%d", log, g-1), g > 1 && g <= generations-4
		if g == 1 {
			name = log
		}
		if packed {
			name += ".gz"
		}
		f, err := os.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		var w interface {
			Write([]byte) (int, error)
		} = f
		var z *gzip.Writer
		if packed {
			if z, err = gzip.NewWriterLevel(f, gzip.BestSpeed); err != nil {
				t.Fatal(err)
			}
			w = z
		}
		b := bufio.NewWriterSize(w, 1<<20)
		for range lines {
			b.Write(at.AppendFormat(b.AvailableBuffer(), "2006-01-02 15:04:05.000"))
			fmt.Fprintf(b, " | INFO     | line %012d %s\n", n, pad)
			at = at.Add(perLine)
			n++
		}
		if err := b.Flush(); err != nil {
			t.Fatal(err)
		}
		if z != nil {
			if err := z.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(name, at, at); err != nil {
			t.Fatal(err)
		}
	}
	return generations, lines, first
}

func oneMinute(t *testing.T, total int64) {
	dir := t.TempDir()
	log := filepath.Join(dir, "app.log")
	generations, lines, first := history(t, log, total)
	tailer, err := filetail.New(filetail.Config{Roots: []string{dir}})
	if err != nil {
		t.Fatal(err)
	}
	defer tailer.Close()
	s := New(Options{Tailer: tailer, Host: "h", Limits: Limits{Entries: 10_000, Timeout: 10 * time.Minute}})
	web := httptest.NewServer(s)
	defer func() { _ = s.Close(); web.Close() }()
	of := func(generation int) time.Time { // The middle of one.
		return first.Add(time.Duration(generation*lines+lines/2) * perLine).Truncate(time.Minute)
	}
	for _, c := range []struct {
		name, direction string
		at              time.Time
	}{
		{"the live file", "forward", of(generations - 1)},
		{"a compressed generation in the middle", "forward", of(generations / 2)},
		{"the same again", "forward", of(generations / 2)},
		{"another compressed one, newest first", "backward", of(generations/2 - 1)},
		{"the oldest", "forward", of(0)},
	} {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		began := time.Now()
		code, body, _ := get(t, web, "/loki/api/v1/query_range", "query", `{job="app"}`, "limit", "10000", "direction", c.direction,
			"start", fmt.Sprint(c.at.UnixNano()), "end", fmt.Sprint(c.at.Add(time.Minute).UnixNano()))
		took := time.Since(began)
		runtime.ReadMemStats(&after)
		n := strings.Count(body, "INFO ")
		t.Logf("%.0f GiB, %d generations, %s: %d lines in %v; heap %d MiB after, %d MiB allocated meanwhile, %d MiB of the process",
			float64(total)/(1<<30), generations, c.name, n, took.Round(time.Millisecond), after.HeapAlloc>>20, (after.TotalAlloc-before.TotalAlloc)>>20, after.Sys>>20)
		if want := int(time.Minute / perLine); code != 200 || n != want {
			t.Errorf("%s: %d, %d lines, want %d: %.300s", c.name, code, n, want, body)
		}
	}
}
