package follow

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/livetail/livetail/plugin/internal/linetime"
	"github.com/livetail/livetail/plugin/internal/perlog"
	"github.com/livetail/livetail/plugin/tail"
)

// archives makes a log of n compressed generations and a live file, of lines lines each, one a second, and returns when the first line was written.
func (w *world) archives(n, lines int) (first time.Time) {
	w.t.Helper()
	first = time.Date(2026, 11, 23, 10, 0, 0, 0, time.Local)
	at := first
	for g := n; g >= 0; g-- {
		var b strings.Builder
		for range lines {
			fmt.Fprintf(&b, "%s | INFO | %0200d\n", at.Format("2006-01-02 15:04:05"), at.Sub(first)/time.Second)
			at = at.Add(time.Second)
		}
		if g == 0 {
			w.write("app.log", b.String())
		} else {
			w.gzip(fmt.Sprintf("app.log.%d.gz", g), b.String())
		}
	}
	return first
}

// page reads lines by time, forward.
func (w *world) page(req tail.ReadRequest) tail.Page {
	w.t.Helper()
	p, err := w.g.Resolve(w.path("app.log"))
	w.must(err)
	page, err := w.e.Read(w.t.Context(), p, req)
	w.must(err)
	return page
}

const archiveLine = 230 // of archives, in bytes

// What a page of a certain time costs does not depend on how long the history is: of all generations but the one that holds it, no more than beginnings of
// a few are unpacked.
func TestRead_ByTimeInALongHistory_UnpacksTheGenerationAlone(t *testing.T) {
	const lines = 10_000
	for _, generations := range []int{8, 32} {
		for _, backward := range []bool{false, true} {
			w := newWorld(t, nil)
			first := w.archives(generations, lines)
			for _, g := range []int{0, generations / 2, generations - 1, generations} {
				before := w.e.Stats()
				at := first.Add(time.Duration(g*lines+lines/2) * time.Second)
				page := w.page(tail.ReadRequest{AtTime: at, Backward: backward, Lines: 1000, Times: true})
				if n := strings.Count(pageText(page), "\n"); n != 1000 {
					t.Fatalf("%d lines", n)
				}
				after := w.e.Stats()
				unpacked, archives := after.Unpacked-before.Unpacked, after.Archives-before.Archives
				if most := int64(lines/2*archiveLine + 1<<20); unpacked > most {
					t.Errorf("%d generations, in the %dth, backward %v: %d KiB were unpacked, more than %d", generations, g, backward, unpacked>>10, most>>10)
				}
				if archives > 16 {
					t.Errorf("%d generations, in the %dth, backward %v: %d archives were begun", generations, g, backward, archives)
				}
			}
		}
	}
}

// Pages that follow one another in an archive go on where the one before has ended, instead of unpacking all that is before them.
func TestRead_PagesThroughAnArchive_UnpackItOnce(t *testing.T) {
	const lines = 30_000
	w := newWorld(t, nil)
	first := w.archives(1, lines)
	w.page(tail.ReadRequest{AtTime: first, Lines: 1, Times: true})
	before := w.e.Stats()
	page := w.page(tail.ReadRequest{AtTime: first, Lines: 1000, Times: true})
	text := pageText(page)
	for range lines/1000 - 1 {
		page = w.page(tail.ReadRequest{At: page.End, Lines: 1000, Times: true})
		text += pageText(page)
	}
	if n := strings.Count(text, "\n"); n != lines {
		t.Fatalf("%d lines", n)
	}
	// The first pages begin so near the front that they begin there again.
	if unpacked := w.e.Stats().Unpacked - before.Unpacked; unpacked > 2*lines*archiveLine {
		t.Errorf("%d KiB were unpacked of %d", unpacked>>10, lines*archiveLine>>10)
	}
}

func TestScan_WithinATime_LeavesOtherArchivesAlone(t *testing.T) {
	const lines = 2000
	w := newWorld(t, nil)
	first := w.archives(32, lines)
	for _, backward := range []bool{false, true} {
		before := w.e.Stats()
		since := first.Add(10*lines*time.Second + time.Minute)
		got := w.scan(tail.ScanRequest{Since: since, Until: since.Add(time.Minute), Bucket: time.Minute, Backward: backward})
		n := int64(0)
		for _, c := range got.counts {
			n += c[tail.LevelInfo]
		}
		if n != 60 {
			t.Errorf("backward %v: %d lines", backward, n)
		}
		if unpacked := w.e.Stats().Unpacked - before.Unpacked; unpacked > 3*lines*archiveLine {
			t.Errorf("backward %v: %d KiB were unpacked", backward, unpacked>>10)
		}
	}
}

// Generations whose lines have no times say nothing about where others are.
func TestStart_AtATimeAmongGenerationsWithoutTimes_FindsTheLine(t *testing.T) {
	w := newWorld(t, nil)
	day := time.Date(2026, 11, 23, 10, 0, 0, 0, time.Local)
	line := func(minute int) string {
		return day.Add(time.Duration(minute)*time.Minute).Format("2006-01-02 15:04:05") + " line\n"
	}
	w.gzip("app.log.6.gz", line(0)+line(1))
	w.gzip("app.log.5.gz", "without\n")
	w.gzip("app.log.4.gz", line(2)+line(3))
	w.gzip("app.log.3.gz", "without\n")
	w.gzip("app.log.2.gz", "")
	w.write("app.log.1", line(4)+line(5))
	w.write("app.log", line(6))
	all := line(0) + line(1) + "without\n" + line(2) + line(3) + "without\n" + line(4) + line(5) + line(6)
	for minute := range 7 {
		got := w.all(tail.StartAtTime(day.Add(time.Duration(minute) * time.Minute))).text.String()
		// After the last line of a generation, it may begin with lines whose time nobody knows.
		if want := all[strings.Index(all, line(minute)):]; got != want && got != "without\n"+want {
			t.Errorf("minute %d: got %q", minute, got)
		}
	}
	if got := w.all(tail.StartAtTime(day.Add(time.Hour))).text.String(); got != "" {
		t.Errorf("after all: got %q", got)
	}
	if got := w.all(tail.StartAtTime(day.Add(-time.Hour))).text.String(); got != all {
		t.Errorf("before all: got %q", got)
	}
}

// The lines before a place in an archive are found in what was unpacked last, if there are not too many, and otherwise by unpacking it again.
func TestRead_BackwardInAnArchive_IsExact(t *testing.T) {
	w := newWorld(t, nil)
	const lines = 12_000
	first := w.archives(1, lines)
	for _, at := range []int{1, 7, 900, 5000, lines - 1, lines} {
		for _, n := range []int{1, 10, 2000, 9000} {
			page := w.page(tail.ReadRequest{AtTime: first.Add(time.Duration(at) * time.Second), Backward: true, Lines: n})
			got := strings.Count(pageText(page), "\n")
			want := min(n, at, 2<<20/archiveLine)
			if got < want-1 || got > want+1 || !strings.HasSuffix(pageText(page), fmt.Sprintf("%0200d\n", at-1)) {
				t.Errorf("%d lines before line %d: got %d", n, at, got)
			}
		}
	}
}

// A line whose time names no zone has that of the setting for its log, wherever times are used: in what is delivered, found by time, and counted.
func TestZones_AreThoseOfTheLog(t *testing.T) {
	zones, err := perlog.Parse([]string{"/no/such.log=utc", "/*/*/app.log=+05:30", "-03:00"}, linetime.ParseZone)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, func(o *Options) { o.Zones = zones })
	w.gzip("app.log.1.gz", "2026-11-23 10:00:00 one\n2026-11-23 10:00:01 two\n")
	w.write("app.log", "2026-11-23 10:00:02 three\n2026-11-23T10:00:03Z four\n")
	at := time.Date(2026, 11, 23, 10, 0, 0, 0, time.FixedZone("", 5*3600+1800))
	if _, err := filepath.Match("/*/*/app.log", w.path("app.log")); err != nil || zones.Of(w.path("app.log")).String() != "+05:30" {
		t.Skipf("%s lies elsewhere", w.dir)
	}
	for i, want := range []string{"one\n", "two\n", "three\n"} {
		page := w.page(tail.ReadRequest{AtTime: at.Add(time.Duration(i) * time.Second), Lines: 1, Times: true})
		l := page.Events[0].(tail.Lines)
		if !strings.HasSuffix(string(l.Text), want) || !time.Unix(0, l.Times[0]).Equal(at.Add(time.Duration(i)*time.Second)) {
			t.Errorf("at second %d: %q of %v", i, l.Text, time.Unix(0, l.Times[0]).UTC())
		}
	}
	got := w.scan(tail.ScanRequest{Since: at, Until: at.Add(2 * time.Second), Bucket: time.Second})
	if len(got.counts) != 2 || got.counts[at.UnixNano()] == [tail.Levels]int64{} {
		t.Errorf("counted %v", got.counts)
	}
	found := w.scan(tail.ScanRequest{Matches: 10, Backward: true})
	if len(found.matches) != 4 || !found.matches[1].Time.Equal(at.Add(2*time.Second)) || !found.matches[0].Time.Equal(time.Date(2026, 11, 23, 10, 0, 3, 0, time.UTC)) {
		t.Errorf("found %v", found.matches)
	}
}
