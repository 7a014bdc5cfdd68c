package verify_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/livetail/livetail/simulator/internal/lines"
	"github.com/livetail/livetail/simulator/internal/verify"
)

// written returns n numbered lines of a stream, without line endings.
func written(t testing.TB, stream string, n int) [][]byte {
	t.Helper()
	f, err := lines.NewFormatter(lines.Options{Sequence: true, Stream: stream})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	var out [][]byte
	for range n {
		b, _ := f.Append(nil, &lines.Record{Time: now, Level: lines.Info, Message: lines.DefaultMessage})
		out = append(out, b[:len(b)-1])
	}
	return out
}

// account takes the lines with these numbers; 0 is a gap of unknown size, -n one of n lines.
func account(all [][]byte, numbers ...int) *verify.Account {
	a := verify.NewAccount(true)
	for _, n := range numbers {
		switch {
		case n == 0:
			a.Gap("deleted", nil, true)
		case n < 0:
			known := int64(-n)
			a.Gap("deleted", &known, true)
		default:
			a.Line(all[n-1], time.Now(), false)
		}
	}
	return a
}

func TestAccount_WhatArrives_IsWhatIsReported(t *testing.T) {
	all := written(t, "s", 20)
	for name, c := range map[string]struct {
		numbers []int
		want    verify.Report // the counts alone
	}{
		"clean":                  {[]int{1, 2, 3}, verify.Report{OK: true, Written: 3, Delivered: 3}},
		"lost":                   {[]int{1, 4}, verify.Report{Written: 4, Delivered: 2, Lost: 2}},
		"lost at the beginning":  {[]int{3, 4}, verify.Report{Written: 4, Delivered: 2, Lost: 2}},
		"declared":               {[]int{1, 0, 4}, verify.Report{OK: true, Written: 4, Delivered: 2, Declared: 2}},
		"declared at first":      {[]int{0, 3, 4}, verify.Report{OK: true, Written: 4, Delivered: 2, Declared: 2}},
		"declared exactly":       {[]int{1, -2, 4}, verify.Report{OK: true, Written: 4, Delivered: 2, Declared: 2}},
		"declared too few":       {[]int{1, -2, 6}, verify.Report{Written: 6, Delivered: 2, Declared: 2, Lost: 2}},
		"declared twice":         {[]int{1, -1, -1, 4}, verify.Report{OK: true, Written: 4, Delivered: 2, Declared: 2}},
		"declared elsewhere":     {[]int{1, 0, 2, 5}, verify.Report{Written: 5, Delivered: 3, Lost: 2}},
		"gap without loss":       {[]int{1, 0, 2}, verify.Report{OK: true, Written: 2, Delivered: 2}},
		"doubled":                {[]int{1, 2, 2, 1, 3}, verify.Report{Written: 3, Delivered: 3, Doubled: 2}},
		"reordered":              {[]int{1, 3, 2, 4}, verify.Report{Written: 4, Delivered: 4, Reordered: 1}},
		"swapped blocks":         {[]int{1, 5, 6, 3, 2, 4, 7}, verify.Report{Written: 7, Delivered: 7, Reordered: 3}},
		"lost, then doubled":     {[]int{1, 3, 3}, verify.Report{Written: 3, Delivered: 2, Lost: 1, Doubled: 1}},
		"declared, then arrives": {[]int{1, 0, 5, 3, 5}, verify.Report{Written: 5, Delivered: 3, Declared: 2, Reordered: 1, Doubled: 1}},
		"nothing":                {nil, verify.Report{}},
	} {
		got := account(all, c.numbers...).Report()
		if got.OK != c.want.OK || got.Written != c.want.Written || got.Delivered != c.want.Delivered || got.Declared != c.want.Declared ||
			got.Lost != c.want.Lost || got.Doubled != c.want.Doubled || got.Reordered != c.want.Reordered {
			t.Errorf("%s: got %+v, want %+v", name, got, c.want)
		}
		if got.Written != got.Delivered+got.Declared+got.Lost {
			t.Errorf("%s: %d written are not %d + %d + %d", name, got.Written, got.Delivered, got.Declared, got.Lost)
		}
	}
}

func TestAccount_StartInTheMiddle_CountsFromTheFirstSeen(t *testing.T) {
	all := written(t, "s", 20)
	a := verify.NewAccount(false)
	for _, n := range []int{10, 11, 9, 13} {
		a.Line(all[n-1], time.Now(), false)
	}
	if r := a.Report(); r.Written != 5 || r.Delivered != 4 || r.Lost != 1 || r.Reordered != 1 {
		t.Errorf("%+v", r)
	}
}

func TestAccount_Late_IsNotReordered(t *testing.T) {
	all := written(t, "s", 3)
	a := account(all, 1, 3)
	a.Line(all[1], time.Now(), true)
	if r := a.Report(); !r.OK || r.Late != 1 || r.Reordered != 0 {
		t.Errorf("%+v", r)
	}
}

func TestAccount_SeveralStreams_AreCountedEachByItself(t *testing.T) {
	x, y := written(t, "x", 10), written(t, "y", 10)
	a := verify.NewAccount(true)
	for i := range 10 {
		a.Line(x[i], time.Now(), false)
		if i < 5 {
			a.Line(y[i], time.Now(), false)
		}
	}
	a.Gap("deleted", nil, true)
	a.Line(y[7], time.Now(), false)
	if r := a.Report(); !r.OK || r.Streams != 2 || r.Written != 18 || r.Declared != 2 {
		t.Errorf("%+v", r)
	}
}

func TestAccount_Expect_FindsWhatIsMissingAtTheEnd(t *testing.T) {
	all := written(t, "s", 10)
	a := account(all, 1, 2, 3)
	a.Expect("s", 10)
	if a.Complete() {
		t.Error("complete although the last line has not come")
	}
	if r := a.Report(); r.OK || r.Written != 10 || r.Lost != 7 {
		t.Errorf("%+v", r)
	}
	a.Gap("deleted", nil, true)
	if r := a.Report(); !r.OK || r.Declared != 7 {
		t.Errorf("%+v", r)
	}
	a.Line(all[9], time.Now(), false)
	if !a.Complete() {
		t.Error("not complete although the last line has come")
	}
	a = verify.NewAccount(true)
	a.Expect("s", 2)
	if r := a.Report(); r.OK || r.Lost != 2 {
		t.Errorf("nothing came: %+v", r)
	}
}

// TestAccount_Relay puts a relay with one fault between writer and account: each fault is found, and counted for what it is.
func TestAccount_Relay(t *testing.T) {
	const n, faults = 20_000, 50
	all := written(t, "s", n)
	random := rand.New(rand.NewPCG(1, 2))
	places := map[int]bool{}
	for len(places) < faults {
		places[random.IntN(n/2-2)*2+1] = true
	}
	relay := func(fault func(out [][]byte, i int) [][]byte) verify.Report {
		a := verify.NewAccount(true)
		a.Expect("s", n)
		var out [][]byte
		for i := range all {
			if places[i] {
				out = fault(out, i)
			} else {
				out = append(out, all[i])
			}
		}
		a.Lines(bytes.Join(out, []byte("\n")), time.Now(), false)
		return a.Report()
	}
	if r := relay(func(out [][]byte, i int) [][]byte { return out }); r.OK || r.Lost != faults || r.Doubled+r.Reordered+r.Corrupted != 0 {
		t.Errorf("lossy: %+v", r)
	}
	if r := relay(func(out [][]byte, i int) [][]byte { return append(out, all[i], all[i]) }); r.OK || r.Doubled != faults || r.Lost+r.Reordered+r.Corrupted != 0 {
		t.Errorf("doubling: %+v", r)
	}
	if r := relay(func(out [][]byte, i int) [][]byte {
		last := out[len(out)-1]
		return append(out[:len(out)-1], all[i], last)
	}); r.OK || r.Reordered != faults || r.Lost+r.Doubled+r.Corrupted != 0 {
		t.Errorf("reordering: %+v", r)
	}
	if r := relay(func(out [][]byte, i int) [][]byte {
		b := bytes.Clone(all[i])
		b[random.IntN(40)] ^= 1
		return append(out, b)
	}); r.OK || r.Corrupted != faults || r.Lost != faults || len(r.Odd) == 0 {
		t.Errorf("corrupting: %+v", r)
	}
	if r := relay(func(out [][]byte, i int) [][]byte { return append(out, all[i][:30]) }); r.OK || r.Unmarked != faults || r.Lost != faults {
		t.Errorf("cutting: %+v", r)
	}
	// What remains of a torn line in front of the next one harms nobody but itself.
	if r := relay(func(out [][]byte, i int) [][]byte {
		return append(out, append(bytes.Clone(all[i][:30]), all[i]...))
	}); !r.OK {
		t.Errorf("torn line in front: %+v", r)
	}
}

func TestAccount_MillionCleanLines_NoFalseAlarmAndFlatMemory(t *testing.T) {
	f, err := lines.NewFormatter(lines.Options{Sequence: true})
	if err != nil {
		t.Fatal(err)
	}
	a := verify.NewAccount(true)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	r := lines.Record{Level: lines.Warning, Message: lines.DefaultMessage}
	var buf []byte
	const total = 1_000_000
	for range total / 1000 {
		buf = buf[:0]
		r.Time = time.Now()
		for range 1000 {
			buf, _ = f.Append(buf, &r)
		}
		a.Lines(buf, time.Now(), false)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if got := a.Report(); !got.OK || got.Written != total || got.Unmarked != 0 || got.Latency.Count != total {
		t.Errorf("%+v", got)
	}
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 8<<20 {
		t.Errorf("heap grew by %d bytes", grown)
	}
}

func TestAccount_EverySecondLineMissing_MemoryIsBounded(t *testing.T) {
	f, err := lines.NewFormatter(lines.Options{Sequence: true})
	if err != nil {
		t.Fatal(err)
	}
	a := verify.NewAccount(true)
	r := lines.Record{Time: time.Now(), Message: "m"}
	var buf []byte
	const total = 200_000
	for i := range total {
		buf, _ = f.Append(buf[:0], &r)
		if i%2 == 0 {
			a.Lines(buf, r.Time, false)
		}
	}
	if got := a.Report(); got.Lost != total/2-1 || !got.Settled || got.Written != total-1 {
		t.Errorf("%+v", got)
	}
}

func TestReport_Text_SaysWhatMatters(t *testing.T) {
	all := written(t, "s", 20)
	got := account(all, 1, 2, 0, 4, 6).Report().String()
	for _, want := range []string{"NOT every line", "6 written = 4 delivered + 1 declared missing + 1 lost", "deleted 1", "s:5-5"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in\n%s", want, got)
		}
	}
	if got := account(all, 1, 2).Report().String(); !strings.HasPrefix(got, "every line is accounted for") {
		t.Error(got)
	}
}

func TestLatency_Percentiles_AreRightToFourPercent(t *testing.T) {
	f, err := lines.NewFormatter(lines.Options{Sequence: true})
	if err != nil {
		t.Fatal(err)
	}
	a := verify.NewAccount(true)
	at := time.Now().Add(time.Hour)
	for i := 1; i <= 1000; i++ {
		line, _ := f.Append(nil, &lines.Record{Time: at, Message: "m"})
		a.Lines(line, at.Truncate(time.Microsecond).Add(time.Duration(i)*time.Millisecond), false)
	}
	l := a.Report().Latency
	for _, c := range []struct {
		name      string
		got, want time.Duration
	}{{"p50", l.P50, 500 * time.Millisecond}, {"p90", l.P90, 900 * time.Millisecond}, {"p99", l.P99, 990 * time.Millisecond}, {"max", l.Max, time.Second}} {
		if c.got < c.want*96/100 || c.got > c.want*104/100 {
			t.Errorf("%s is %v, want %v", c.name, c.got, c.want)
		}
	}
}

func BenchmarkAccount(b *testing.B) {
	f, err := lines.NewFormatter(lines.Options{Sequence: true})
	if err != nil {
		b.Fatal(err)
	}
	r := lines.Record{Time: time.Now(), Message: lines.DefaultMessage}
	a := verify.NewAccount(true)
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		buf = buf[:0]
		for range 1000 {
			buf, _ = f.Append(buf, &r)
		}
		b.SetBytes(int64(len(buf)))
		b.StartTimer()
		a.Lines(buf, r.Time, false)
	}
	if !a.Report().OK {
		b.Fatal(fmt.Sprint(a.Report()))
	}
}
