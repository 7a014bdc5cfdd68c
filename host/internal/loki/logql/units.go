package logql

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// maxDuration keeps sums of durations far from the end of the type, and is more than anybody's log.
const maxDuration = 100 * 365 * 24 * time.Hour

// ParseDuration reads a duration as queries write it: 1h30m, 1.5s or 7d.
func ParseDuration(s string) (time.Duration, bool) { return parseDuration(s) }

// parseDuration reads what Prometheus or Go take for a duration.
func parseDuration(s string) (time.Duration, bool) {
	d, err := unitsDuration(s)
	if err != nil {
		d, err = time.ParseDuration(s)
	}
	return d, err == nil
}

// rangeUnits are those of Prometheus, the biggest first.
var rangeUnits = []struct {
	name string
	unit time.Duration
}{
	{"y", 365 * 24 * time.Hour}, {"w", 7 * 24 * time.Hour}, {"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second},
	{"ms", time.Millisecond},
}

// unitsDuration reads a duration as Prometheus does: whole numbers with units, each once, the biggest first.
func unitsDuration(text string) (time.Duration, error) {
	switch text {
	case "":
		return 0, errors.New("empty duration string")
	case "0":
		return 0, nil
	}
	invalid := fmt.Errorf("not a valid duration string: %q", text)
	var sum time.Duration
	next := 0 // the biggest unit that may follow
	for s := text; s != ""; {
		n := 0
		for n < len(s) && isDigit(s[n]) {
			n++
		}
		number, err := strconv.ParseInt(s[:n], 10, 64)
		if err != nil {
			return 0, invalid
		}
		s = s[n:]
		n = 0
		for n < len(s) && !isDigit(s[n]) {
			n++
		}
		if n == 0 {
			return 0, invalid
		}
		at := 0
		for at < len(rangeUnits) && rangeUnits[at].name != s[:n] {
			at++
		}
		if at == len(rangeUnits) {
			return 0, fmt.Errorf("unknown unit %q in duration %q", s[:n], text)
		}
		if at < next {
			return 0, invalid
		}
		next = at + 1
		s = s[n:]
		unit := rangeUnits[at].unit
		if number > int64((math.MaxInt64-sum)/unit) {
			return 0, errors.New("duration out of range")
		}
		sum += time.Duration(number) * unit
	}
	return sum, nil
}

var byteUnits = map[string]float64{
	"b": 1, "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12, "pb": 1e15, "eb": 1e18,
	"kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40, "pib": 1 << 50, "eib": 1 << 60,
	"": 1, "k": 1e3, "m": 1e6, "g": 1e9, "t": 1e12, "p": 1e15, "e": 1e18,
	"ki": 1 << 10, "mi": 1 << 20, "gi": 1 << 30, "ti": 1 << 40, "pi": 1 << 50, "ei": 1 << 60,
}

// parseBytes reads 42MB, 1.5Kib or 20b, and what programs log for sizes: also a plain number and a space before the unit.
func parseBytes(s string) (float64, bool) {
	f, err := sizeOf(s)
	return f, err == nil
}

// sizeOf is parseBytes with the error.
func sizeOf(s string) (float64, error) {
	n := 0
	for n < len(s) && (isDigit(s[n]) || s[n] == '.' || s[n] == ',') {
		n++
	}
	f, err := strconv.ParseFloat(strings.ReplaceAll(s[:n], ",", ""), 64)
	if err != nil {
		return 0, err //nolint:wrapcheck // As Loki says it.
	}
	name := strings.ToLower(strings.TrimSpace(s[n:]))
	unit, ok := byteUnits[name]
	if !ok {
		return 0, fmt.Errorf("unhandled size name: %v", name)
	}
	if f = math.Trunc(f * unit); f >= 1<<64 {
		return 0, fmt.Errorf("too large: %v", s)
	}
	return f, nil
}
