package linetime

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// at is a time of the test logs as nanoseconds.
func at(clock string) int64 {
	t, err := time.Parse(time.RFC3339Nano, "2020-09-17T"+clock+"Z")
	if err != nil {
		panic(err)
	}
	return t.UnixNano()
}

// linear stamps a whole log from its beginning: what every other way of reading has to agree with.
func linear(t testing.TB, log []byte, base int64) (starts, times []int64) {
	t.Helper()
	s := Stamper{Parser: &Parser{Reference: reference}, Base: base}
	if err := s.Prime(bytes.NewReader(log), 0); err != nil {
		t.Fatal(err)
	}
	for off := 0; off < len(log); {
		line, _, _ := bytes.Cut(log[off:], []byte("\n"))
		starts = append(starts, int64(off))
		times = append(times, s.Stamp(line, int64(off)))
		off += len(line) + 1
	}
	return starts, times
}

func TestStamper_LinesWithoutTime_FollowTheOneBefore(t *testing.T) {
	log := "2020-09-17 08:59:00.100 | a\nTraceback:\n  File 2020-01-01\n2020-09-17 08:59:00.100 | b\n" +
		"2020-09-17 08:59:00.200 | c\n2020-09-17 08:58:00.000 | late\n2020-09-17 08:59:00.300 | d\n"
	_, got := linear(t, []byte(log), 7)
	want := []int64{
		at("08:59:00.1"), at("08:59:00.1") + 1, at("08:59:00.1") + 2, at("08:59:00.1") + 3,
		at("08:59:00.2"), at("08:59:00.2") + 1, at("08:59:00.3"),
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("\n got %v\nwant %v", got, want)
	}
}

func TestStamper_HeaderWithoutTime_ComesRightBeforeTheFirstTime(t *testing.T) {
	_, got := linear(t, []byte("# log\n# of x\n2020-09-17 08:59:00.100 | a\n"), at("23:00:00"))
	want := []int64{at("08:59:00.1") - 13, at("08:59:00.1") - 7, at("08:59:00.1")}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("\n got %v\nwant %v", got, want)
	}
}

func TestStamper_LogWithoutTimes_CountsBytesFromBase(t *testing.T) {
	_, got := linear(t, []byte("a\nbc\n\nd"), 1000)
	if want := []int64{1000, 1002, 1005, 1006}; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestStamper_LineFromTheFuture_DoesNotDragTheOthersAlong(t *testing.T) {
	_, got := linear(t, []byte("2020-09-17 08:59:00 a\n2120-09-17 08:59:00 b\n2020-09-17 08:59:01 c\n"), 0)
	if want := []int64{at("08:59:00"), at("08:59:00") + 1, at("08:59:01")}; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestStamper_PrimedAnywhere_SaysTheSame(t *testing.T) {
	log := sample(3, 20000, 0.4, 300)
	base := reference.AddDate(1, 0, 0).UnixNano() // A copied file was created long after its lines were written.
	starts, times := linear(t, log, base)
	r := bytes.NewReader(log)
	rnd := rand.New(rand.NewPCG(1, 2))
	s := Stamper{Parser: &Parser{Reference: reference}, Base: base}
	for range 200 {
		i := rnd.IntN(len(starts))
		if err := s.Prime(r, starts[i]); err != nil {
			t.Fatal(err)
		}
		for j := i; j < min(i+20, len(starts)); j++ {
			line, _, _ := bytes.Cut(log[starts[j]:], []byte("\n"))
			if got := s.Stamp(line, starts[j]); got != times[j] {
				t.Fatalf("line %d, primed at line %d: got %d, want %d", j, i, got, times[j])
			}
		}
	}
}

// What a line without a time in the middle of a log belongs to is out of sight; it is not the file's age.
func TestStamper_PrimedAmongLinesWithoutTime_DoesNotTakeTheFilesAgeForTheirs(t *testing.T) {
	log := []byte("2020-09-17 08:59:00 a\n" + strings.Repeat("  frame\n", 8500) + "2020-09-17 08:59:00.100 b\n2020-09-17 08:59:00.100 c\n")
	starts, times := linear(t, log, 0)
	s := Stamper{Parser: &Parser{Reference: reference}, Base: at("08:59:00.5")}
	last := len(starts) - 1
	if err := s.Prime(bytes.NewReader(log), starts[last]); err != nil {
		t.Fatal(err)
	}
	if got := s.Stamp([]byte("2020-09-17 08:59:00.100 c"), starts[last]); got != times[last] {
		t.Errorf("got %d, want %d", got, times[last])
	}
}

// A log that was cut into generations gets the times of the whole, wherever its reader begins.
func TestStamper_PrimedAfterARotation_GoesOnFromTheGenerationBefore(t *testing.T) {
	whole := sample(4, 9000, 0.5, 300)
	starts, times := linear(t, whole, 0)
	const cut = 5000
	first, second := whole[:starts[cut]], whole[starts[cut]:]
	s := Stamper{Parser: &Parser{Reference: reference}}
	if err := s.Prime(bytes.NewReader(first), int64(len(first))); err != nil {
		t.Fatal(err)
	}
	last, ok := s.Last()
	if !ok || last != times[cut-1] {
		t.Fatalf("the last line of the first generation has the time %d %v, want %d", last, ok, times[cut-1])
	}
	for _, i := range []int{cut, cut + 1, cut + 100, len(starts) - 50} {
		if err := s.PrimeAfter(last, bytes.NewReader(second), starts[i]-starts[cut]); err != nil {
			t.Fatal(err)
		}
		for j := i; j < i+50; j++ {
			line, _, _ := bytes.Cut(whole[starts[j]:], []byte("\n"))
			if got := s.Stamp(line, starts[j]-starts[cut]); got != times[j] {
				t.Fatalf("line %d, primed at line %d: got %d, want %d", j, i, got, times[j])
			}
		}
	}
}

func TestStamper_PrimedBehindALongTrace_FindsTheTimeBeforeIt(t *testing.T) {
	log := []byte("2020-09-17 08:59:00 a\n" + strings.Repeat("  frame\n", 40000))
	starts, times := linear(t, log, 0)
	s := Stamper{Parser: &Parser{Reference: reference}}
	last := len(starts) - 1
	if err := s.Prime(bytes.NewReader(log), starts[last]); err != nil {
		t.Fatal(err)
	}
	if got := s.Stamp([]byte("  frame"), starts[last]); got != times[last] {
		t.Errorf("got %d, want %d", got, times[last])
	}
}

func TestStamper_Stamping_AllocatesNothing(t *testing.T) {
	s := Stamper{Parser: &Parser{Reference: reference}}
	line := []byte(benchmarkLines["loguru"])
	if n := testing.AllocsPerRun(100, func() { s.Stamp(line, 0) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

type brokenReader struct{}

func (brokenReader) ReadAt([]byte, int64) (int, error) { return 0, errBroken }

var errBroken = errors.New("broken")

func TestPrimeAndFirst_ReadingFails_SayWhy(t *testing.T) {
	s := Stamper{Parser: &Parser{}}
	if err := s.Prime(brokenReader{}, 100); !errors.Is(err, errBroken) {
		t.Errorf("Prime: got %v", err)
	}
	if _, err := (Search{Parser: &Parser{}}).First(brokenReader{}, 10<<20, reference); !errors.Is(err, errBroken) {
		t.Errorf("First: got %v", err)
	}
}

// sample makes a log of n lines, about share of which carry a time, up to jitter milliseconds out of order.
func sample(seed uint64, n int, share float64, jitter int) []byte {
	rnd := rand.New(rand.NewPCG(seed, 9))
	var b bytes.Buffer
	ms := at("00:00:00") / 1e6
	for i := range n {
		ms += int64(rnd.IntN(40))
		if rnd.Float64() < share {
			own := ms
			if jitter > 0 {
				own -= int64(rnd.IntN(jitter))
			}
			b.WriteString(time.UnixMilli(own).UTC().Format("2006-01-02 15:04:05.000"))
			fmt.Fprintf(&b, " | line %d\n", i)
		} else {
			b.WriteString("\tmore" + strings.Repeat("-", rnd.IntN(60)) + "\n")
		}
	}
	return b.Bytes()
}

// scan is what First has to agree with.
func scan(starts, times []int64, size int, want int64) int64 {
	for i, t := range times {
		if t >= want {
			return starts[i]
		}
	}
	return int64(size)
}

func TestFirst_BigLogs_AgreesWithScanningAll(t *testing.T) {
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
				got, err := search.First(bytes.NewReader(log), int64(len(log)), time.Unix(0, want))
				if err != nil {
					t.Fatal(err)
				}
				if exp := scan(starts, times, len(log), want); got != exp {
					t.Fatalf("first at or after %d: got %d, want %d", want, got, exp)
				}
			}
		})
	}
}

func TestFirst_Edges(t *testing.T) {
	search := Search{Parser: &Parser{Reference: reference}, Base: 1000}
	log := []byte("2020-09-17 08:59:00 a\n2020-09-17 08:59:01 b\nno newline")
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
		{"empty", nil, 5, 0},
		{"without times, before base", timeless, 10, 0},
		{"without times, in the middle", timeless, 1001, 2},
		{"without times, at a line", timeless, 1002, 2},
		{"without times, after all", timeless, 5000, int64(len(timeless))},
	} {
		got, err := search.First(bytes.NewReader(c.log), int64(len(c.log)), time.Unix(0, c.want))
		if err != nil || got != c.off {
			t.Errorf("%s: got %d %v, want %d", c.name, got, err, c.off)
		}
	}
}

func TestFirst_BigLogWithoutTimes_GoesByOffset(t *testing.T) {
	log := []byte(strings.Repeat("nothing to see\n", 300000))
	got, err := Search{Parser: &Parser{Reference: reference}}.First(bytes.NewReader(log), int64(len(log)), time.Unix(0, 3_000_001))
	if err != nil || got != 3_000_015 {
		t.Errorf("got %d %v, want 3000015", got, err)
	}
}

func TestFirst_LongStretchWithoutTimes_IsNeverTooLate(t *testing.T) {
	log := []byte("2020-09-17 08:59:00 a\n" + strings.Repeat("no time here\n", 1<<20) + "2020-09-17 09:00:00 b\n2020-09-17 09:00:01 c\n")
	search := Search{Parser: &Parser{Reference: reference}}
	got, err := search.First(bytes.NewReader(log), int64(len(log)), time.Unix(0, at("09:00:00")))
	if exp := int64(len(log) - 44); err != nil || got > exp {
		t.Errorf("got %d %v, want %d or before", got, err, exp)
	}
}

// counting counts the bytes read.
type counting struct {
	io.ReaderAt
	n int64
}

func (c *counting) ReadAt(p []byte, off int64) (int, error) {
	n, err := c.ReaderAt.ReadAt(p, off)
	c.n += int64(n)
	return n, err
}

func TestFirst_BigLog_ReadsLittle(t *testing.T) {
	log := bytes.Repeat(sample(6, 200000, 1, 0), 4) // 32 MiB; what is not in order costs no more.
	for _, want := range []int64{at("00:10:00"), at("00:50:00"), at("23:00:00"), 0} {
		r := &counting{ReaderAt: bytes.NewReader(log)}
		if _, err := (Search{Parser: &Parser{Reference: reference}}).First(r, int64(len(log)), time.Unix(0, want)); err != nil {
			t.Fatal(err)
		}
		if r.n > 3<<20 {
			t.Errorf("read %d KiB of %d", r.n>>10, len(log)>>10)
		}
	}
}

// Small windows make small logs go through every branch. In a sorted log First is exact, in any other it is no further off than it says.
func FuzzFirst(f *testing.F) {
	f.Add(uint64(1), uint16(50), byte(255), int64(100), byte(20))
	f.Add(uint64(2), uint16(300), byte(40), int64(3000), byte(5))
	f.Add(uint64(7), uint16(1000), byte(0), int64(0), byte(5))
	f.Fuzz(func(t *testing.T, seed uint64, n uint16, share byte, ms int64, slack byte) {
		log := sample(seed, int(n%2000), float64(share)/255, 0)
		starts, times := linear(t, log, 0)
		want := at("00:00:00") + ms%100_000*1e6 + int64(seed%3)
		search := Search{Parser: &Parser{Reference: reference}, Slack: int64(slack) + 1, Probe: 1 << 20}
		got, err := search.First(bytes.NewReader(log), int64(len(log)), time.Unix(0, want))
		if err != nil {
			t.Fatal(err)
		}
		if exp := scan(starts, times, len(log), want); got != exp {
			t.Errorf("seed %d, %d lines, share %d, slack %d: got %d, want %d", seed, n, share, slack, got, exp)
		}
		search.Probe = 10
		got, err = search.First(bytes.NewReader(log), int64(len(log)), time.Unix(0, want))
		if exp := scan(starts, times, len(log), want); err != nil || got > exp {
			t.Errorf("with a short probe: got %d %v, want at most %d", got, err, exp)
		}
	})
}
