package loki

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/livetail/livetail/plugin/filetail"
)

// Over real files and the tailer that people use: what a query finds and what a live tail shows agree, through a rotation.
func TestServer_OverFiles_QueryAndTailAgree(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(dir, "app.log")
	f, err := os.OpenFile(log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	n := 0
	// The lines share milliseconds, as those of busy programs do.
	base := time.Now().UTC().Add(-time.Minute)
	write := func(count int) {
		t.Helper()
		var b strings.Builder
		for range count {
			n++
			at := base.Add(time.Duration(n) * 10 * time.Microsecond)
			line := fmt.Sprintf("%s | INFO     | __main__:<module>:30 - line %d", at.Format("2006-01-02 15:04:05.000"), n)
			want = append(want, line)
			b.WriteString(line + "\n")
			if n%10 == 0 {
				want = append(want, "  more about it")
				b.WriteString("  more about it\n")
			}
		}
		if _, err := f.WriteString(b.String()); err != nil {
			t.Fatal(err)
		}
	}
	write(3000)
	tailer, err := filetail.New(filetail.Config{Roots: []string{dir}})
	if err != nil {
		t.Fatal(err)
	}
	defer tailer.Close()
	s := New(Options{Tailer: tailer, Host: "h"})
	web := httptest.NewServer(s)
	defer func() {
		_ = s.Close()
		web.Close()
		http.DefaultClient.CloseIdleConnections()
	}()
	selector := fmt.Sprintf(`{filename=%q}`, log)

	c := dial(t, web, "query", selector, "start", fmt.Sprint(time.Now().Add(-time.Hour).UnixNano()), "limit", "5000")
	write(500)
	boundary := len(want)
	if err := os.Rename(log, log+".1"); err != nil {
		t.Fatal(err)
	}
	f.Close()
	if f, err = os.Create(log); err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	write(500)
	var tailed, tailedAt []string
	for range want {
		at, line, _ := c.next()
		tailed, tailedAt = append(tailed, line), append(tailedAt, at)
	}
	if !slices.Equal(tailed, want) {
		t.Fatalf("the tail showed %d lines that are not the %d written", len(tailed), len(want))
	}
	if !slices.IsSorted(tailedAt) || len(slices.Compact(slices.Clone(tailedAt))) != len(tailedAt) {
		t.Error("times do not grow strictly")
	}

	// The files share a millisecond, so the first lines of the second one have later times than they carry.
	for i := boundary - 2; i < boundary+3; i++ {
		_, body, _ := get(t, web, "/loki/api/v1/query_range", "query", selector, "limit", "1", "direction", "forward", "start", tailedAt[i])
		if got, at := streamsOf(t, body); len(got) != 1 || got[0] != want[i] || at[0] != tailedAt[i] {
			t.Errorf("from the time of line %d on the first one is %q at %q, want %q at %s", i, got, at, want[i], tailedAt[i])
		}
	}

	for _, direction := range []string{"forward", "backward"} {
		var got, times []string
		start, end := fmt.Sprint(time.Now().Add(-time.Hour).UnixNano()), fmt.Sprint(time.Now().Add(time.Hour).UnixNano())
		for {
			code, body, _ := get(t, web, "/loki/api/v1/query_range", "query", selector, "limit", "333", "direction", direction, "start", start, "end", end)
			if code != 200 {
				t.Fatal(body)
			}
			lines, at := byTime(t, body, direction)
			if len(lines) == 0 {
				break
			}
			got, times = append(got, lines...), append(times, at...)
			if direction == "forward" {
				var x int64
				fmt.Sscan(at[len(at)-1], &x)
				start = fmt.Sprint(x + 1)
			} else {
				end = at[len(at)-1]
			}
		}
		if direction == "backward" {
			slices.Reverse(got)
			slices.Reverse(times)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %d lines that are not the %d written", direction, len(got), len(want))
		}
		if !slices.Equal(times, tailedAt) {
			for i := range min(len(times), len(tailedAt)) {
				if times[i] != tailedAt[i] {
					t.Errorf("%s: line %d has the time %s, in the tail %s", direction, i, times[i], tailedAt[i])
					break
				}
			}
		}
	}
}

// byTime reads the answer to a query for lines, all streams merged by time.
func byTime(t *testing.T, body, direction string) (lines, times []string) {
	t.Helper()
	l, at := streamsOf(t, body)
	order := make([]int, len(l))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		if direction == "backward" {
			a, b = b, a
		}
		return strings.Compare(at[a], at[b])
	})
	for _, i := range order {
		lines, times = append(lines, l[i]), append(times, at[i])
	}
	return lines, times
}
