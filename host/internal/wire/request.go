package wire

import (
	"fmt"
	"math"
	"time"

	"github.com/livetail/livetail/plugin/tail"
)

// MaxScanBytes is the most that one search or count looks at, in bytes. The client goes on with another one.
const MaxScanBytes = 256 << 20

// maxBucket is the widest bucket, in milliseconds: about as old as logs get.
const maxBucket = 1 << 40

// asked is the error of a request that makes no sense, without its id.
func asked(format string, a ...any) error { return &RequestError{Message: fmt.Sprintf(format, a...)} }

// lines returns the filter that the keys include and exclude make up.
func (m *message) lines(l Limits) (tail.Filter, error) {
	var f tail.Filter
	if m.Include != nil {
		f.Include = *m.Include
	}
	if m.Exclude != nil {
		f.Exclude = *m.Exclude
	}
	return f, l.CheckFilter(f)
}

func (m *message) filter(l Limits) (Message, error) {
	f, err := m.lines(l)
	return Filter{m.ID, f}, err
}

func (m *message) page(l Limits) (Message, error) {
	if (m.At == nil) == (m.Time == nil) || m.Lines == nil {
		return nil, asked("read needs the keys at and lines, or time_ms and lines.")
	}
	at, err := place(m.At)
	if err != nil {
		return nil, err
	}
	when, err := moment("time_ms", m.Time)
	if err != nil {
		return nil, err
	}
	if *m.Lines < 1 || *m.Lines > l.PageLines {
		return nil, &RequestError{Message: fmt.Sprintf("lines must be from 1 to %d.", l.PageLines), Limit: LimitPage}
	}
	return Read{m.ID, at, when, m.backward(), *m.Lines}, nil
}

func (m *message) scan(l Limits) (Message, error) {
	r := tail.ScanRequest{Backward: m.backward(), Bytes: MaxScanBytes}
	var err error
	if r.Filter, err = m.lines(l); err != nil {
		return nil, err
	}
	if r.At, err = place(m.At); err != nil {
		return nil, err
	}
	if r.Since, err = moment("since_ms", m.Since); err != nil {
		return nil, err
	}
	if r.Until, err = moment("until_ms", m.Until); err != nil {
		return nil, err
	}
	switch {
	case m.Since != nil && m.Until != nil && *m.Since >= *m.Until:
		return nil, asked("since_ms must be before until_ms.")
	case m.Bytes != nil && (*m.Bytes < 1 || *m.Bytes > MaxScanBytes):
		return nil, asked("bytes must be from 1 to %d.", MaxScanBytes)
	case m.Bytes != nil:
		r.Bytes = *m.Bytes
	}
	if m.T == "search" {
		if m.Matches == nil || *m.Matches < 1 || *m.Matches > tail.MaxMatches {
			return nil, asked("search needs the key matches, from 1 to %d.", tail.MaxMatches)
		}
		r.Matches = *m.Matches
		return Scan{m.ID, r}, nil
	}
	if m.Bucket == nil || *m.Bucket < 1 || *m.Bucket > maxBucket {
		return nil, asked("count needs the key bucket_ms, from 1 to %d.", int64(maxBucket))
	}
	r.Bucket = time.Duration(*m.Bucket) * time.Millisecond
	return Scan{m.ID, r}, nil
}

func (m *message) backward() bool { return m.Backward != nil && *m.Backward }

// place is the position of the key at; zero if it is not there.
func place(text *string) (tail.Position, error) {
	if text == nil {
		return tail.Position{}, nil
	}
	at, err := tail.ParsePosition(*text)
	if err != nil {
		return at, asked("at must be a position that the server has sent.")
	}
	return at, nil
}

// moment is a time in a message, in milliseconds since 1970 UTC; zero if it is not there.
func moment(key string, ms *int64) (time.Time, error) {
	if ms == nil {
		return time.Time{}, nil
	}
	if *ms < 0 || *ms > math.MaxInt64/int64(time.Millisecond) {
		return time.Time{}, asked("%s must be a time, in milliseconds since 1970.", key)
	}
	return time.UnixMilli(*ms), nil
}
