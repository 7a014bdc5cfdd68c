package main

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/livetail/livetail/simulator"
)

func TestDisplay_LineThatIsTooLong_EndsBeforeTheEdge(t *testing.T) {
	for _, text := range []string{strings.Repeat("x", 200), strings.Repeat("你", 100), "short"} {
		var out strings.Builder
		d := &display{out: &out, terminal: true, columns: func() int { return 80 }}
		d.show(text)
		got := strings.TrimPrefix(out.String(), clearLine)
		if width := len([]rune(got)) + strings.Count(got, "你"); width > 79 || !strings.HasPrefix(text, got) || text == "short" && got != text {
			t.Errorf("%q is shown, %d columns", got, width)
		}
	}
}

func TestDisplay_LogBesideIt_HasLinesOfItsOwn(t *testing.T) {
	var out strings.Builder
	d := &display{out: &out, terminal: true, columns: func() int { return 80 }}
	log := newLog(d)
	d.show("1 line")
	log.Warn(errors.New("the disk is full"))
	d.show("2 lines")
	d.clear()
	d.clear()
	before, after, _ := strings.Cut(out.String(), "the disk is full")
	if !strings.HasPrefix(before, clearLine+"1 line"+clearLine) || strings.TrimLeft(after, " ") != "\n"+clearLine+"2 lines"+clearLine {
		t.Errorf("%q", out.String())
	}
}

func TestDisplay_NoTerminal_ShowsNothing(t *testing.T) {
	var out strings.Builder
	d := newDisplay(&out)
	d.show("1 line")
	d.clear()
	if out.String() != "" || d.forCommand() != &out {
		t.Errorf("%q", out.String())
	}
}

func TestProgress_SaysHowFastItGoesNow(t *testing.T) {
	before := simulator.Report{Lines: 1_000_000, Bytes: 100 << 20, Elapsed: 10 * time.Second}
	r := simulator.Report{Files: []string{"app.log"}, Lines: 1_000_500, Bytes: 101 << 20, Rotations: 3, Elapsed: 11 * time.Second}
	if got := progress(before, r); got != "500 lines/s, 1MB/s; 1,000,500 lines, 101MB, 3 rotations, 11s: app.log" {
		t.Error(got)
	}
	r.Blocked = time.Second
	if got := progress(before, r); !strings.Contains(got, "waiting for room") {
		t.Error(got)
	}
}
