package linetime

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

func TestFirstForward_BigLogs_AgreesWithScanningAll(t *testing.T) {
	for _, c := range []struct {
		name   string
		share  float64
		jitter int
	}{{"sorted", 1, 0}, {"few lines with a time", 0.02, 0}, {"out of order", 1, 2000}, {"both", 0.3, 1000}} {
		t.Run(c.name, func(t *testing.T) {
			log := sample(5, 60000, c.share, c.jitter)
			base := reference.AddDate(1, 0, 0).UnixNano()
			starts, times := linear(t, log, base)
			search := Search{Parser: &Parser{Reference: reference}, Base: base}
			rnd := rand.New(rand.NewPCG(3, 4))
			for range 150 {
				want := times[rnd.IntN(len(times))] + int64(rnd.IntN(5)-2)
				r := &forward{r: bytes.NewReader(log)}
				got, found, err := search.FirstForward(r, time.Unix(0, want))
				if err != nil {
					t.Fatal(err)
				}
				exp := scan(starts, times, len(log), want)
				if got != exp || found != (exp < int64(len(log))) {
					t.Fatalf("first at or after %d: got %d (%v), want %d", want, got, found, exp)
				}
				if r.back > ForwardBack {
					t.Fatalf("went back by %d KiB", r.back>>10)
				}
			}
		})
	}
}

func TestFirstForward_Edges(t *testing.T) {
	search := Search{Parser: &Parser{Reference: reference}, Base: 1000}
	log := []byte("2020-09-17 08:59:00 a\n2020-09-17 08:59:01 b\nno newline")
	long := []byte("2020-09-17 08:59:00 " + strings.Repeat("a", 3*bufferSize) + "\n2020-09-17 08:59:01 " + strings.Repeat("b", 3*bufferSize) + "\n2020-09-17 08:59:02 c\n")
	timeless := []byte("a\nbc\n\nd")
	for _, c := range []struct {
		name      string
		log       []byte
		want, off int64
	}{
		{"before all", log, 0, 0},
		{"the second", log, at("08:59:00") + 1, 22},
		{"the last, which has no time", log, at("08:59:01") + 1, 44},
		{"after all", log, at("09:00:00"), int64(len(log))},
		{"long lines", long, at("08:59:01"), 3*bufferSize + 21},
		{"after long lines", long, at("08:59:02"), 6*bufferSize + 42},
		{"empty", nil, 5, 0},
		{"without times, in the middle", timeless, 1001, 2},
		{"without times, after all", timeless, 5000, int64(len(timeless))},
	} {
		got, found, err := search.FirstForward(bytes.NewReader(c.log), time.Unix(0, c.want))
		if err != nil || got != c.off || found != (c.off < int64(len(c.log))) {
			t.Errorf("%s: got %d (%v) %v, want %d", c.name, got, found, err, c.off)
		}
	}
}

// forward notes how far before the furthest that has been read it is read again.
type forward struct {
	r         io.ReaderAt
	end, back int64
}

func (f *forward) ReadAt(p []byte, off int64) (int, error) {
	f.back = max(f.back, f.end-off)
	n, err := f.r.ReadAt(p, off)
	f.end = max(f.end, off+int64(n))
	return n, err
}

func TestBegins_IsTheTimeOfTheFirstByte(t *testing.T) {
	s := Stamper{Parser: &Parser{Reference: reference}, Base: 1}
	if got, dated, err := s.Begins(strings.NewReader("header\n2020-09-17 08:59:00 a\n")); got != at("08:59:00")-7 || !dated || err != nil {
		t.Errorf("got %d %v %v", got, dated, err)
	}
	if _, dated, err := s.Begins(strings.NewReader("header\n")); dated || err != nil {
		t.Errorf("without times: %v %v", dated, err)
	}
	if _, _, err := s.Begins(brokenReader{}); !errors.Is(err, errBroken) {
		t.Errorf("broken: %v", err)
	}
}
