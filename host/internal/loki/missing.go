package loki

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/livetail/livetail/plugin/tail"
)

// incomplete is the error at the end of a list that lacks the logs of some parts, because whoever has them did not answer.
type incomplete interface {
	error
	Missing() []string
}

// missing is what the answer to one query lacks. It is for one goroutine.
type missing struct {
	parts  map[string]bool
	texts  []string
	failed error // what the first part said that did not answer
	read   bool  // some log could be read
}

// part notes that the logs of a part are missing, once.
func (m *missing) part(ctx context.Context, name string, err error) {
	if m.parts[name] {
		return
	}
	if m.parts == nil {
		m.parts = map[string]bool{}
	}
	m.parts[name] = true
	if m.failed == nil {
		m.failed = err
	}
	if !viewerOf(ctx).MayFollow(name) { // Who may not know of it misses nothing there.
		return
	}
	why := "there is no answer in time"
	switch {
	case errors.Is(err, tail.ErrPluginGone):
		why = "the plugin is restarting"
	case errors.Is(err, tail.ErrUnsupported):
		why = "the tailer does not tell the times of lines"
	}
	m.texts = append(m.texts, fmt.Sprintf("the logs at %s are missing: %s", name, why))
}

// warnings are what the client is told, in order.
func (m *missing) warnings() []string {
	slices.Sort(m.texts)
	return m.texts
}

// in notes what an incomplete list lacks. It returns the errors that are not about that.
func (m *missing) in(ctx context.Context, err error) error {
	part, ok := errors.AsType[incomplete](err)
	if !ok {
		return err
	}
	for _, name := range part.Missing() {
		m.part(ctx, name, err)
	}
	return nil
}

// partOf is the part that a log belongs to; ok is false if there is but one, so that nothing is left without it.
func (s *Server) partOf(log string) (name string, ok bool) {
	if s.opts.Part == nil {
		return "", false
	}
	return s.opts.Part(log), true
}

// readPage reads a page. If there are several parts, it does not wait for one of them for as long as a query may take; errNoAnswer says that it did
// not answer.
func (s *Server) readPage(ctx context.Context, req tail.ReadRequest) (tail.Page, error) {
	if _, ok := s.partOf(req.Log); !ok {
		return s.opts.Tailer.Read(ctx, req)
	}
	bounded, cancel := context.WithTimeout(ctx, s.limits.Timeout/3)
	defer cancel()
	page, err := s.opts.Tailer.Read(bounded, req)
	if err != nil && ctx.Err() == nil && (errors.Is(err, tail.ErrPluginGone) || errors.Is(err, tail.ErrUnsupported) || errors.Is(err, context.DeadlineExceeded)) {
		err = &noAnswer{err}
	}
	return page, err
}

// noAnswer is the error of a part that does not answer.
type noAnswer struct{ error }

func (n *noAnswer) Unwrap() error { return n.error }

// walkAll is walk for the logs of a query, one after the other, until use returns an error. It goes on without those that cannot be read because
// their part does not answer, and fails if that was all.
func (s *Server) walkAll(
	ctx context.Context, streams []stream, start, end int64, backward bool, m *missing, use func(*stream, record) (more bool, err error),
) error {
	b := &budget{s.limits.ScanBytes, s.limits.ScanBytes}
	for i := range streams {
		st := &streams[i]
		name, _ := s.partOf(st.Log)
		if m.parts[name] {
			continue
		}
		var failed error
		err := s.walk(ctx, st.Log, start, end, backward, b, func(r record) bool {
			more, err := use(st, r)
			failed = err
			return more && err == nil && ctx.Err() == nil
		})
		if silent, ok := errors.AsType[*noAnswer](err); ok {
			m.part(ctx, name, silent.error)
			continue
		}
		if err = cmp.Or(failed, err, ctx.Err()); err != nil {
			return err
		}
		m.read = true
	}
	if len(streams) > 0 && !m.read && m.failed != nil {
		return m.failed
	}
	return nil
}
