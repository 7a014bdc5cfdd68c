package follow

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"gopkg.in/natefinch/lumberjack.v2"

	"github.com/livetail/livetail/plugin/tail"
)

// T04, T05: real lumberjack deletes and compresses what the reader has not read yet.
func TestFollow_LumberjackDeletesAndCompressesWhatIsUnread_DeliversAll(t *testing.T) {
	w := newWorld(t, nil)
	logger := &lumberjack.Logger{Filename: w.path("app.log"), MaxBackups: 5, Compress: true}
	t.Cleanup(func() { _ = logger.Close() })
	write := func(text string) {
		_, err := logger.Write([]byte(text))
		w.must(err)
	}
	write(numbered(0, 100))
	r := w.follow(tail.StartAtBeginning())
	want := numbered(0, 100)
	for i := 1; i <= 40; i++ {
		w.must(logger.Rotate())
		text := numbered(i*100, i*100+100)
		want += text
		write(text)
		time.Sleep(20 * time.Millisecond) // The writer's pace, not a condition.
	}
	r.until(want)
	for _, e := range r.events {
		if b, ok := e.(tail.Boundary); !ok || b.Order != tail.OrderObserved || b.How != tail.HowRenamed {
			t.Errorf("got %+v, want observed boundaries only", e)
		}
	}
}

// T06: without a pause, lumberjack overwrites its own backups.
func TestFollow_LumberjackRotatesBackToBack_DeliveredPlusDeclaredIsWritten(t *testing.T) {
	w := newWorld(t, nil)
	logger := &lumberjack.Logger{Filename: w.path("app.log")}
	t.Cleanup(func() { _ = logger.Close() })
	write := func(i int) {
		_, err := fmt.Fprintf(logger, "generation %06d\n", i)
		w.must(err)
	}
	write(0)
	r := w.follow(tail.StartAtBeginning())
	const rotations = 200
	for i := 1; i <= rotations; i++ {
		w.must(logger.Rotate())
		write(i)
	}
	write(rotations + 1)
	last := fmt.Sprintf("generation %06d\n", rotations+1)
	for !strings.HasSuffix(r.text.String(), last) {
		if _, ok := r.next(patience); !ok {
			t.Fatalf("the end never came: %s; %s", brief(r.text.String()), r)
		}
	}
	checkGenerations(t, r, rotations+1)
}

// checkGenerations checks that the generations 0 to n-1 have been delivered in order, and each one that has not is declared at its place.
func checkGenerations(t *testing.T, r *reading, n int) {
	t.Helper()
	var lost int64
	for _, e := range r.events {
		if g, ok := e.(tail.Gap); ok {
			if !g.Certain && strings.Contains(strings.Join(g.Evidence, " "), "in the same moment") {
				continue // On which side of what was saved the others were, nobody can know.
			}
			if !g.Certain || g.Generations == nil {
				t.Errorf("gap is %+v, want a certain one", g)
				continue
			}
			lost += *g.Generations
		}
	}
	seen := make(map[int]bool)
	last := -1
	for line := range strings.Lines(r.text.String()) {
		var i int
		if _, err := fmt.Sscanf(line, "generation %d\n", &i); err != nil || i < last {
			t.Fatalf("line %q after generation %d", line, last)
		}
		if i < n && seen[i] {
			t.Fatalf("generation %d twice", i)
		}
		last, seen[i] = i, true
	}
	missing := 0
	for i := range n {
		if !seen[i] {
			missing++
		}
	}
	if int64(missing) != lost {
		t.Errorf("%d generations of %d are missing, %d are declared; %s", missing, n, lost, r)
	}
	t.Logf("%d generations, %d lost and declared", n, missing)
}
