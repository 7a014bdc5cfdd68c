package lines_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"

	"github.com/livetail/livetail/simulator/internal/lines"
)

func TestParseFormats_Shares_AreKeptAndEveryLineIsGenuine(t *testing.T) {
	shares, err := lines.ParseFormats("loguru=6,json=3,nginx")
	if err != nil {
		t.Fatal(err)
	}
	f := formatter(t, lines.Options{Formats: shares, Sequence: true, Color: true, Seed: 3})
	const total = 10_000
	var jsons, coloured, others int
	for i := range total {
		out, _ := f.Append(nil, &lines.Record{Time: noon, Message: lines.DefaultMessage})
		line := bytes.TrimSuffix(out, []byte("\n"))
		switch {
		case json.Valid(line):
			jsons++
		case bytes.IndexByte(line, 0x1b) >= 0:
			coloured++
		default:
			others++
		}
		if m, v := lines.Parse(lines.StripANSI(nil, line)); v != lines.Genuine || m.Sequence != uint64(i)+1 {
			t.Fatalf("%q is %v, number %d, want %d", line, v, m.Sequence, i+1)
		}
	}
	for name, c := range map[string]struct{ got, want int }{"loguru": {coloured, 6000}, "json": {jsons, 3000}, "nginx": {others, 1000}} {
		if c.got < c.want*9/10 || c.got > c.want*11/10 {
			t.Errorf("%d lines of %s, want about %d", c.got, name, c.want)
		}
	}
}

func TestParseLength_EachDistribution_HoldsItsLimitsAndShape(t *testing.T) {
	for text, want := range map[string]struct{ low, median, high int }{
		"200":             {200, 200, 200},
		"100-500":         {100, 300, 500},
		"skewed:80-20000": {80, 160, 20_000},
	} {
		l, err := lines.ParseLength(text)
		if err != nil {
			t.Fatal(err)
		}
		f := formatter(t, lines.Options{Length: l, Seed: 1})
		var got []int
		for range 4000 {
			out, _ := f.Append(nil, &lines.Record{Time: noon, Message: "m"})
			got = append(got, len(out)-1)
		}
		slices.Sort(got)
		if got[0] < want.low || got[len(got)-1] > want.high {
			t.Errorf("%s: from %d to %d", text, got[0], got[len(got)-1])
		}
		if median := got[len(got)/2]; median < want.median*9/10 || median > want.median*11/10 {
			t.Errorf("%s: the median is %d, want about %d", text, median, want.median)
		}
		if want.high > want.low && got[len(got)-1] < want.high*8/10 {
			t.Errorf("%s: the longest has %d", text, got[len(got)-1])
		}
	}
}

func TestAppend_SameSeed_SameLines(t *testing.T) {
	shares, _ := lines.ParseFormats("json,logfmt,klog")
	o := lines.Options{Formats: shares, Length: lines.Length{Min: 50, Max: 500, Skewed: true}, Sequence: true, Seed: 9}
	a, b := formatter(t, o), formatter(t, o)
	o.Seed++
	c := formatter(t, o)
	same := 0
	for range 200 {
		r := lines.Record{Time: noon, Message: "m"}
		x, _ := a.Append(nil, &r)
		y, _ := b.Append(nil, &r)
		z, _ := c.Append(nil, &r)
		if !bytes.Equal(x, y) {
			t.Fatalf("%q and %q", x, y)
		}
		if bytes.Equal(x, z) {
			same++
		}
	}
	if same == 200 {
		t.Error("another seed makes the same lines")
	}
}

func TestParse_Nonsense_IsRefused(t *testing.T) {
	for _, text := range []string{"", "xml", "json=0", "json=x", "json=-1", "json,,klog"} {
		if got, err := lines.ParseFormats(text); err == nil {
			t.Errorf("formats %q are %v", text, got)
		}
	}
	for _, text := range []string{"", "x", "-5", "500-100", "skewed:200", "1-1000000", "1-2-3"} {
		if got, err := lines.ParseLength(text); err == nil {
			t.Errorf("length %q is %v", text, got)
		}
	}
}
