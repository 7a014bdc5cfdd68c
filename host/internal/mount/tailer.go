package mount

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"

	"github.com/livetail/livetail/plugin/tail"
)

// Tailer returns all mounts as one tailer, by the names that viewers know. It has no heartbeat: each hub holds that with its own tailer.
func (t *Table) Tailer() tail.Tailer { return tailer{Table: t} }

type tailer struct {
	tail.Unimplemented
	*Table
}

var _ tail.Tailer = tailer{}

// Info implements [tail.Tailer]: the names of all, joined, the roots by the names that viewers know, and what all of them can do. Those that do
// not answer are left out, unless none does.
func (t tailer) Info(ctx context.Context) (tail.Info, error) {
	var all tail.Info
	var names, versions []string
	var failed error
	for i, answer := range t.infos(ctx) {
		if answer.err != nil {
			failed = cmp.Or(failed, answer.err)
			continue
		}
		info := answer.Info
		if names = append(names, info.Name); len(names) == 1 {
			all.Capabilities = slices.Clone(info.Capabilities)
		}
		versions = append(versions, info.Version)
		all.Roots = append(all.Roots, t.All()[i].Roots(info)...)
		all.Capabilities = slices.DeleteFunc(all.Capabilities, func(c string) bool { return !slices.Contains(info.Capabilities, c) })
	}
	if len(names) == 0 {
		return tail.Info{}, failed
	}
	all.Name = strings.Join(names, " and ")
	all.Version = strings.Join(slices.Compact(versions), " and ")
	return all, nil
}

// answer is what one tailer says of itself, or why it does not.
type answer struct {
	tail.Info
	err error
}

// infos asks all of them together, in the order of their prefixes; one of several has [patience] to answer.
func (t tailer) infos(ctx context.Context) []answer {
	all := t.All()
	out := make([]answer, len(all))
	if len(all) > 1 {
		var cancel func()
		ctx, cancel = context.WithTimeout(ctx, patience)
		defer cancel()
	}
	var asking sync.WaitGroup
	for i, m := range all {
		asking.Go(func() {
			info, err := m.Tailer.Info(ctx)
			out[i] = answer{info, m.error(err)}
		})
	}
	asking.Wait()
	return out
}

// List implements [tail.Tailer].
func (t tailer) List(ctx context.Context, req tail.ListRequest) iter.Seq2[tail.Entry, error] {
	return t.Table.List(ctx, req)
}

// Follow implements [tail.Tailer].
func (t tailer) Follow(ctx context.Context, req tail.FollowRequest) iter.Seq2[tail.Event, error] {
	m, local, ok := t.Find(req.Log)
	if !ok {
		return func(yield func(tail.Event, error) bool) { yield(nil, tail.ErrNotAllowed) }
	}
	req.Log = local
	if m.Prefix == Root {
		return m.Tailer.Follow(ctx, req)
	}
	return func(yield func(tail.Event, error) bool) {
		for e, err := range m.Tailer.Follow(ctx, req) {
			if !yield(e, m.error(err)) {
				return
			}
		}
	}
}

// Read implements [tail.Tailer].
func (t tailer) Read(ctx context.Context, req tail.ReadRequest) (tail.Page, error) {
	m, local, ok := t.Find(req.Log)
	if !ok {
		return tail.Page{}, tail.ErrNotAllowed
	}
	req.Log = local
	page, err := m.Tailer.Read(ctx, req)
	return page, m.error(err)
}

// Scan implements [tail.Tailer].
func (t tailer) Scan(ctx context.Context, req tail.ScanRequest) iter.Seq2[tail.ScanReport, error] {
	return func(yield func(tail.ScanReport, error) bool) {
		m, local, ok := t.Find(req.Log)
		if !ok {
			yield(tail.ScanReport{}, tail.ErrNotAllowed)
			return
		}
		req.Log = local
		for r, err := range m.Tailer.Scan(ctx, req) {
			if !yield(r, m.error(err)) {
				return
			}
		}
	}
}

// Diagnose implements [tail.Tailer]; without a name, the report is that of all mounts, one after the other.
func (t tailer) Diagnose(ctx context.Context, log string) (tail.Report, error) {
	if log != "" {
		m, local, ok := t.Find(log)
		if !ok {
			return tail.Report{}, tail.ErrNotAllowed
		}
		report, err := m.Tailer.Diagnose(ctx, local)
		return report, m.error(err)
	}
	var all tail.Report
	for _, m := range t.All() {
		report, err := m.Tailer.Diagnose(ctx, "")
		if errors.Is(err, tail.ErrUnsupported) {
			continue
		}
		if err != nil {
			return tail.Report{}, m.error(err)
		}
		all.Findings = append(all.Findings, report.Findings...)
	}
	return all, nil
}

// Roots returns what can be followed below m, by the names that viewers know.
func (m *Mount) Roots(info tail.Info) []string {
	var roots []string
	for _, r := range info.Roots {
		if name, ok := m.Name(r); ok {
			roots = append(roots, name)
		}
	}
	return roots
}

// error says which tailer err comes from, because the names in it are that tailer's own.
func (m *Mount) error(err error) error {
	if err == nil || m.Prefix == Root {
		return err
	}
	return fmt.Errorf("%s: %w", m.Prefix, err)
}
