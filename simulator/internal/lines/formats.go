package lines

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
)

// Format names the look of a line.
type Format string

// The formats.
const (
	// Loguru is the default of Python's loguru: 2020-09-17 08:59:00.123 | INFO     | __main__:<module>:30 - 你好aaa.
	Loguru Format = "loguru"
	// JSON is one object on each line.
	JSON Format = "json"
	// Logfmt is key=value.
	Logfmt Format = "logfmt"
	// Nginx is the combined access log.
	Nginx Format = "nginx"
	// Klog is what Kubernetes components write.
	Klog Format = "klog"
	// Syslog is RFC 5424.
	Syslog Format = "syslog"
)

// Formats lists the formats.
func Formats() []Format { return []Format{Loguru, JSON, Logfmt, Nginx, Klog, Syslog} }

// Share is a format among several.
type Share struct {
	Format Format
	// Weight is how often it is taken, in relation to the weights of the others.
	Weight int
}

// maxWeight is the largest weight of a format.
const maxWeight = 1_000_000

func (s Share) check() error {
	switch {
	case !slices.Contains(Formats(), s.Format):
		return fmt.Errorf("format %q is unknown; use one of %v", s.Format, Formats())
	case s.Weight < 1 || s.Weight > maxWeight:
		return fmt.Errorf("the weight %d of format %s must be from 1 to %d", s.Weight, s.Format, maxWeight)
	}
	return nil
}

// ParseFormats reads the name of a format, or several with their weights: loguru=8,json=2. A weight that is left out is 1.
func ParseFormats(text string) (shares []Share, err error) {
	for part := range strings.SplitSeq(text, ",") {
		name, weight, found := strings.Cut(part, "=")
		s := Share{Format(name), 1}
		if found {
			if s.Weight, err = strconv.Atoi(weight); err != nil {
				return nil, fmt.Errorf("the weight %q of format %s is no number", weight, name)
			}
		}
		if err := s.check(); err != nil {
			return nil, err
		}
		shares = append(shares, s)
	}
	return shares, nil
}

// Length says how long records are, in bytes without the line ending. Those whose text is longer stay as they are. The zero value makes
// none longer.
type Length struct {
	// Min and Max are the shortest and the longest.
	Min, Max int
	// Skewed makes most of them short and few of them long, as they are in real logs; otherwise all lengths are alike often.
	Skewed bool
}

// ParseLength reads 200 (all at least so long), 80-400 (evenly between), or skewed:40-20000 (most short, few long).
func ParseLength(text string) (l Length, err error) {
	numbers, skewed := strings.CutPrefix(text, "skewed:")
	low, high, ranged := strings.Cut(numbers, "-")
	if !ranged {
		high = low
	}
	l.Skewed = skewed
	var lowErr, highErr error
	l.Min, lowErr = strconv.Atoi(low)
	l.Max, highErr = strconv.Atoi(high)
	if lowErr != nil || highErr != nil || skewed && !ranged {
		return Length{}, fmt.Errorf("line length %q must be written as 200, 80-400 or skewed:40-20000", text)
	}
	return l, l.check()
}

func (l Length) check() error {
	if l.Min < 0 || l.Max < l.Min || l.Max > MaxMessage {
		return fmt.Errorf("line length %d-%d must be from 0 to %d, the smaller one first", l.Min, l.Max, MaxMessage)
	}
	return nil
}

// draw returns the length of one record.
func (l Length) draw(random *rand.Rand) int {
	switch {
	case l.Max == l.Min:
		return l.Min
	case !l.Skewed:
		return l.Min + random.IntN(l.Max-l.Min+1)
	}
	// Half of all lines are within the shortest eighth of the way, counted in powers.
	u := random.Float64()
	low := float64(max(l.Min, 1))
	return int(low * math.Pow(float64(l.Max)/low, u*u*u))
}
