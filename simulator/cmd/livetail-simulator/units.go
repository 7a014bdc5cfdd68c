package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// size is a flag that holds bytes, written 100MB, 64KiB or 4096. As with lumberjack, MB and MiB are both 1024 * 1024.
type size int64

var sizeUnits = []struct {
	names  []string
	factor int64
}{
	{[]string{"TB", "TIB", "T"}, 1 << 40},
	{[]string{"GB", "GIB", "G"}, 1 << 30},
	{[]string{"MB", "MIB", "M"}, 1 << 20},
	{[]string{"KB", "KIB", "K"}, 1 << 10},
	{[]string{"B", ""}, 1},
}

func (s *size) Set(text string) error {
	upper := strings.ToUpper(strings.TrimSpace(text))
	for _, unit := range sizeUnits {
		for _, name := range unit.names {
			digits, ok := strings.CutSuffix(upper, name)
			if !ok {
				continue
			}
			n, err := strconv.ParseFloat(strings.TrimSpace(digits), 64)
			if err != nil || n < 0 || math.IsNaN(n) || n*float64(unit.factor) > math.MaxInt64/2 {
				return fmt.Errorf("%q is no size; write for example 100MB, 64KB or 4096", text)
			}
			*s = size(n * float64(unit.factor))
			return nil
		}
	}
	return nil
}

func (s *size) Type() string { return "size" }

func (s *size) String() string { return bytesText(int64(*s)) }

func bytesText(n int64) string {
	for _, unit := range sizeUnits[:4] {
		if n < unit.factor {
			continue
		}
		if n%unit.factor == 0 {
			return strconv.FormatInt(n/unit.factor, 10) + unit.names[0]
		}
		return strconv.FormatFloat(float64(n)/float64(unit.factor), 'f', 1, 64) + unit.names[0]
	}
	return strconv.FormatInt(n, 10) + "B"
}

// count writes n with commas.
func count(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// perSecond returns n/d as whole units a second.
func perSecond(n int64, d time.Duration) int64 {
	if d <= 0 {
		return 0
	}
	return int64(float64(n) / d.Seconds())
}
