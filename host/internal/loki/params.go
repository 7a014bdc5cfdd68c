package loki

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/livetail/livetail/host/internal/loki/logql"
)

const (
	defaultLimit = 100
	defaultSince = time.Hour
)

// parseTime reads a time as Loki does: with a point, seconds; up to ten digits, seconds; more, nanoseconds; else RFC 3339.
func parseTime(s string, otherwise time.Time) (time.Time, error) {
	if s == "" {
		return otherwise, nil
	}
	if strings.Contains(s, ".") {
		if f, err := strconv.ParseFloat(s, 64); err == nil {
			if math.IsNaN(f) || math.Abs(f) > math.MaxInt64/1e9 {
				return time.Time{}, fmt.Errorf("cannot parse %q as a time", s)
			}
			whole, part := math.Modf(f)
			return time.Unix(int64(whole), int64(math.Round(part*1e3))*1e6), nil
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		t, bad := time.Parse(time.RFC3339Nano, s)
		if bad != nil {
			return time.Time{}, err //nolint:wrapcheck // As Loki says it.
		}
		return t, nil
	}
	if len(s) <= 10 {
		return time.Unix(n, 0), nil
	}
	return time.Unix(0, n), nil
}

// nano is t in nanoseconds since 1970, or the next that there is.
func nano(t time.Time) int64 {
	switch s := t.Unix(); {
	case s <= math.MinInt64/1_000_000_000:
		return math.MinInt64
	case s >= math.MaxInt64/1_000_000_000:
		return math.MaxInt64
	}
	return t.UnixNano()
}

// timeParam reads a time out of a request.
func timeParam(r *http.Request, name string, otherwise time.Time) (time.Time, error) {
	t, err := parseTime(r.Form.Get(name), otherwise)
	if err != nil {
		return t, badRequest(fmt.Sprintf("could not parse '%s' parameter: %v", name, err))
	}
	return t, nil
}

// timeRange reads start, end and since. start is the first moment inside, end the first one after.
func (s *Server) timeRange(r *http.Request) (start, end int64, err error) {
	last, err := timeParam(r, "end", s.opts.Now())
	if err != nil {
		return 0, 0, err
	}
	since, err := sinceParam(r)
	if err != nil {
		return 0, 0, err
	}
	// Without a start, what is asked for lies before now even if end lies in the future.
	before := last
	if now := s.opts.Now(); before.After(now) {
		before = now
	}
	first, err := timeParam(r, "start", before.Add(-since))
	if err != nil {
		return 0, 0, err
	}
	return nano(first), nano(last), nil
}

func sinceParam(r *http.Request) (time.Duration, error) {
	text := r.Form.Get("since")
	if text == "" {
		return defaultSince, nil
	}
	d, ok := logql.ParseDuration(text)
	if !ok {
		return 0, badRequest(fmt.Sprintf("could not parse 'since' parameter: not a valid duration string: %q", text))
	}
	return d, nil
}

// limitParam reads how many lines are wanted.
func (s *Server) limitParam(r *http.Request) (int, error) {
	limit, err := intParam(r, "limit", defaultLimit)
	switch {
	case err != nil:
		return 0, err
	case limit <= 0:
		return 0, badRequest("limit must be a positive value")
	case limit > s.limits.Entries:
		return 0, badRequest(fmt.Sprintf("max entries limit per query exceeded, limit > max_entries_limit_per_query (%d > %d)", limit, s.limits.Entries))
	}
	return limit, nil
}

func intParam(r *http.Request, name string, otherwise int) (int, error) {
	text := r.Form.Get(name)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, badRequest(err.Error())
	}
	return n, nil
}

// backwardParam reads the direction; newest first is what clients mean if they say nothing.
func backwardParam(r *http.Request) (bool, error) {
	switch d := r.Form.Get("direction"); strings.ToLower(d) {
	case "", "backward":
		return true, nil
	case "forward":
		return false, nil
	default:
		return false, badRequest(fmt.Sprintf("invalid direction '%s'", d))
	}
}

// stepParam reads the distance of the points of a metric: seconds, or a duration.
func stepParam(r *http.Request, start, end int64) (int64, error) {
	text := r.Form.Get("step")
	if text == "" {
		return max(int64(time.Second), (end-start)/250/1e9*1e9), nil
	}
	var step float64
	if f, err := strconv.ParseFloat(text, 64); err == nil {
		step = f * 1e9
	} else {
		d, ok := logql.ParseDuration(text)
		if !ok && !strings.HasPrefix(text, "-") {
			return 0, badRequest(fmt.Sprintf("could not parse 'step' parameter: not a valid duration string: %q", text))
		}
		step = float64(d)
	}
	if !(step >= 1e6) || step > math.MaxInt64/4 {
		return 0, badRequest("zero or negative query resolution step widths are not accepted. Try a positive integer")
	}
	return int64(step), nil
}
