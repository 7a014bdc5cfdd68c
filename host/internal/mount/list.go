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
	"time"

	"github.com/livetail/livetail/plugin/tail"
)

// Incomplete is the error at the end of a list that lacks the logs of some mounts, because their tailers did not answer.
type Incomplete struct {
	// Prefixes are those of the mounts, in order.
	Prefixes []string
	// Err is what the first of them said.
	Err error
}

func (i *Incomplete) Error() string {
	return "the logs at " + strings.Join(i.Prefixes, ", ") + " cannot be listed: " + i.Err.Error()
}

// Unwrap returns what the first tailer said.
func (i *Incomplete) Unwrap() error { return i.Err }

// Missing returns the prefixes of the mounts.
func (i *Incomplete) Missing() []string { return i.Prefixes }

const (
	// patience is how long one of several tailers may take to answer, or to go on with its list, before the others are shown without it.
	patience = 4 * time.Second
	// brief is the same for one that was too late within the time grudge: not every list is to wait for a process that is stopped.
	brief  = 100 * time.Millisecond
	grudge = 30 * time.Second
)

// source is the list of one mount, on its way into that of all.
type source struct {
	mount  *Mount
	wait   time.Duration // how long it may take each time
	next   func() (tail.Entry, error, bool)
	stop   func()
	cancel func()     // breaks off what is waited for; nil if there is nothing else to be shown
	head   tail.Entry // valid unless done
	done   bool
	err    error
}

// List yields the logs of all mounts at and below req.Prefix by the names that viewers know, in order. Where a tailer does not answer, the
// others' logs come all the same, and an [*Incomplete] at the end. A log whose name another mount covers is left out, because
// nobody could ask for it.
func (t *Table) List(ctx context.Context, req tail.ListRequest) iter.Seq2[tail.Entry, error] {
	return func(yield func(tail.Entry, error) bool) {
		sources := t.sources(ctx, req)
		defer func() {
			for _, s := range sources {
				s.stop()
			}
		}()
		var first sync.WaitGroup
		for _, s := range sources { // Together, because each may wait for a process.
			if len(sources) == 1 {
				s.cancel = nil
			}
			first.Go(func() { s.advance(t) })
		}
		first.Wait()
		for n := 0; req.Limit == 0 || n < req.Limit; n++ {
			var least *source
			for _, s := range sources {
				if !s.done && (least == nil || s.head.Log < least.head.Log) {
					least = s
				}
			}
			if least == nil {
				if err := failure(sources); err != nil {
					yield(tail.Entry{}, err)
				}
				return
			}
			if !yield(least.head, nil) {
				return
			}
			least.advance(t)
		}
	}
}

// sources returns the lists that make up the one for req.
func (t *Table) sources(ctx context.Context, req tail.ListRequest) []*source {
	var sources []*source
	add := func(m *Mount, prefix string) {
		// Without the limit: some of the entries may be left out.
		bounded, cancel := context.WithCancel(ctx)
		next, stop := iter.Pull2(m.Tailer.List(bounded, tail.ListRequest{Prefix: prefix}))
		sources = append(sources, &source{mount: m, wait: t.patienceWith(m), next: next, stop: func() { stop(); cancel() }, cancel: cancel})
	}
	if req.Prefix == "" || req.Prefix == "/" {
		for _, m := range t.mounts {
			add(m, "")
		}
		return sources
	}
	if m, local, ok := t.Find(req.Prefix); ok {
		if local == "/" {
			local = ""
		}
		add(m, local)
	}
	for _, m := range t.mounts {
		if strings.HasPrefix(m.Prefix, req.Prefix+"/") {
			add(m, "")
		}
	}
	return sources
}

// advance takes the next entry that viewers can ask for.
func (s *source) advance(t *Table) {
	for {
		var late *time.Timer
		if s.cancel != nil {
			late = time.AfterFunc(s.wait, s.cancel)
		}
		e, err, ok := s.next()
		switch {
		case late == nil:
		case late.Stop():
			t.inTime(s.mount)
		case err != nil:
			if s.wait == patience {
				t.tooLate(s.mount)
			}
			err = fmt.Errorf("it did not go on with the list within %v: %w", s.wait, context.DeadlineExceeded)
		}
		if !ok || err != nil {
			s.done, s.err = true, err
			return
		}
		name, ok := s.mount.Name(e.Log)
		if !ok {
			continue
		}
		if m, _, _ := t.Find(name); m != s.mount {
			continue
		}
		e.Log = name
		s.head = e
		return
	}
}

// failure is the error of a list that has come to its end.
func failure(sources []*source) error {
	var incomplete Incomplete
	refused := 0
	for _, s := range sources {
		switch {
		case s.err == nil:
			continue
		case errors.Is(s.err, tail.ErrNotAllowed):
			// One of them does not know the prefix, which another one is below.
			if refused++; refused < len(sources) {
				continue
			}
			return s.err
		}
		incomplete.Prefixes = append(incomplete.Prefixes, s.mount.Prefix)
		incomplete.Err = cmp.Or(incomplete.Err, s.err)
	}
	switch len(incomplete.Prefixes) {
	case 0:
		return nil
	case len(sources):
		return incomplete.Err
	}
	slices.Sort(incomplete.Prefixes)
	return &incomplete
}

// patienceWith is how long m may take to answer a list.
func (t *Table) patienceWith(m *Mount) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	if at, ok := t.late[m]; ok && time.Since(at) < grudge {
		return brief
	}
	return patience
}

func (t *Table) tooLate(m *Mount) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.late == nil {
		t.late = map[*Mount]time.Time{}
	}
	t.late[m] = time.Now()
}

func (t *Table) inTime(m *Mount) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.late, m)
}
