package follow

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"gopkg.in/natefinch/lumberjack.v2"

	"github.com/livetail/livetail/plugin/tail"
)

// What is held although its rotator has compressed it and removed it is not read a second time from its archive.
func TestStart_CompressedWhileItIsHeld_IsReadOnce(t *testing.T) {
	tiers(t, func(t *testing.T, w *world) {
		w.gzip("app.log.1.gz", numbered(0, 10))
		w.write("app.log", numbered(10, 20))
		r := w.follow(tail.StartAtEnd())
		r.caughtUp()
		want := 30
		for range 3 {
			for _, i := range []string{"4", "3", "2", "1"} {
				if _, err := os.Stat(w.path("app.log." + i + ".gz")); err == nil {
					w.rename("app.log."+i+".gz", "app.log."+string(i[0]+1)+".gz")
				}
			}
			w.rename("app.log", "app.log.1")
			w.write("app.log", numbered(want-10, want))
			r.until(numbered(20, want))
			w.gzip("app.log.1.gz", numbered(want-20, want-10))
			w.remove("app.log.1")
			r.ask()
			for _, start := range []tail.Start{tail.StartAtLastLines(1000), tail.StartAtBeginning()} {
				if all := w.all(start); all.text.String() != numbered(0, want) || count[tail.Gap](all) != 0 {
					t.Errorf("got %s, %s", brief(all.text.String()), all)
				}
			}
			r.r.l.mu.Lock()
			r.r.l.whole = false // As after some of them were not needed any more.
			r.r.l.mu.Unlock()
			want += 10
		}
	})
}

// What is written to it after the archive was made is in the file that is held alone.
func TestStart_WrittenToAfterItWasCompressed_IsReadOnce(t *testing.T) {
	w := newWorld(t, nil)
	w.gzip("app.log.2.gz", numbered(0, 10))
	w.write("app.log", numbered(10, 20))
	late, err := os.OpenFile(w.path("app.log"), os.O_WRONLY|os.O_APPEND, 0)
	w.must(err)
	defer late.Close()
	r := w.follow(tail.StartAtEnd())
	r.caughtUp()
	w.rename("app.log", "app.log.1")
	w.write("app.log", numbered(21, 30))
	r.ask()
	w.gzip("app.log.1.gz", numbered(10, 20))
	w.remove("app.log.1")
	_, err = late.WriteString(numbered(20, 21))
	w.must(err)
	r.ask()
	if all := w.all(tail.StartAtLastLines(1000)); all.text.String() != numbered(0, 30) {
		t.Errorf("got %s, %s", brief(all.text.String()), all)
	}
}

func TestStart_LumberjackCompressedWhatIsHeld_IsReadOnce(t *testing.T) {
	w := newWorld(t, nil)
	logger := &lumberjack.Logger{Filename: w.path("app.log"), Compress: true}
	t.Cleanup(func() { _ = logger.Close() })
	write := func(from int) {
		_, err := logger.Write([]byte(numbered(from, from+10)))
		w.must(err)
	}
	write(0)
	r := w.follow(tail.StartAtEnd())
	r.caughtUp()
	for i := 1; i < 4; i++ {
		w.must(logger.Rotate())
		write(i * 10)
		r.until(numbered(10, i*10+10))
		for deadline := time.Now().Add(patience); ; {
			plain, err := filepath.Glob(w.path("app-*.log"))
			w.must(err)
			if len(plain) == 0 {
				break
			}
			if time.Now().After(deadline) {
				t.Fatal("lumberjack does not compress")
			}
			r.ask()
		}
	}
	if all := w.all(tail.StartAtLastLines(1000)); all.text.String() != numbered(0, 40) || count[tail.Gap](all) != 0 {
		t.Errorf("got %s, %s", brief(all.text.String()), all)
	}
}
