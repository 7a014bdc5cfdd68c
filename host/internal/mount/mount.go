// Package mount puts the logs of several tailers into one space of names. Each tailer is mounted at a prefix: a log is known to viewers by
// that prefix followed by the name that the tailer itself gives it, so that /docker/web is the log /web of what is mounted at /docker.
//
// This package is the only place where the two names are translated. Positions, events and errors are not touched: positions belong to a
// log, and errors reach viewers as themselves.
package mount

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/livetail/livetail/host/internal/hub"
	"github.com/livetail/livetail/plugin/tail"
)

// Root is the prefix of what is not mounted elsewhere.
const Root = "/"

// Mount is a tailer at its place.
type Mount struct {
	// Prefix is [Root], or an absolute clean path.
	Prefix string
	// Tailer has the logs, Hub the sessions that follow them.
	Tailer tail.Tailer
	Hub    *hub.Hub
}

// Table is a set of mounts. The set does not change, and it is safe for concurrent use.
type Table struct {
	mounts []*Mount // the longest prefix first

	mu   sync.Mutex
	late map[*Mount]time.Time // when a list waited in vain for one
}

// New returns a table of mounts. The error names a prefix that is none, or is there twice.
func New(mounts ...Mount) (*Table, error) {
	t := &Table{}
	for _, m := range mounts {
		if err := CheckPrefix(m.Prefix); err != nil {
			return nil, err
		}
		if t.At(m.Prefix) != nil {
			return nil, fmt.Errorf("two plugins are mounted at %s", m.Prefix)
		}
		t.mounts = append(t.mounts, &m)
	}
	slices.SortFunc(t.mounts, func(a, b *Mount) int {
		if a.depth() != b.depth() {
			return b.depth() - a.depth()
		}
		return strings.Compare(a.Prefix, b.Prefix)
	})
	return t, nil
}

// Single returns the table of one tailer at [Root].
func Single(h *hub.Hub, t tail.Tailer) *Table {
	return &Table{mounts: []*Mount{{Prefix: Root, Tailer: t, Hub: h}}}
}

// CheckPrefix says in one sentence why a prefix cannot be one, or returns nil.
func CheckPrefix(prefix string) error {
	switch {
	case !strings.HasPrefix(prefix, "/") || path.Clean(prefix) != prefix || len(prefix) > tail.MaxPath/2:
		return fmt.Errorf("prefix %q must begin with /, not end with it, and have no empty, . or .. part", prefix)
	case strings.ContainsAny(prefix, "=,?#%\\") || strings.ContainsFunc(prefix, func(c rune) bool { return c <= ' ' || c > '~' }):
		return fmt.Errorf("prefix %q must be made of letters, digits and simple signs", prefix)
	}
	switch first, _, _ := strings.Cut(prefix[1:], "/"); first {
	case "-", "loki", "ready":
		return fmt.Errorf("prefix %q is a path of livetail's own", prefix)
	}
	return nil
}

// All returns the mounts, in the order of their prefixes.
func (t *Table) All() []*Mount {
	all := slices.Clone(t.mounts)
	slices.SortFunc(all, func(a, b *Mount) int { return strings.Compare(a.Prefix, b.Prefix) })
	return all
}

// At returns what is mounted at exactly that prefix, or nil.
func (t *Table) At(prefix string) *Mount {
	for _, m := range t.mounts {
		if m.Prefix == prefix {
			return m
		}
	}
	return nil
}

// Find returns the mount that log belongs to, that of the longest prefix, and the name that its tailer knows the log by. There may be none.
func (t *Table) Find(log string) (m *Mount, local string, ok bool) {
	for _, m := range t.mounts {
		if local, ok := m.local(log); ok {
			return m, local, true
		}
	}
	return nil, "", false
}

func (m *Mount) depth() int {
	if m.Prefix == Root {
		return 0
	}
	return strings.Count(m.Prefix, "/")
}

// local takes the prefix off a name.
func (m *Mount) local(log string) (string, bool) {
	if m.Prefix == Root {
		return log, strings.HasPrefix(log, "/")
	}
	rest, ok := strings.CutPrefix(log, m.Prefix)
	switch {
	case !ok:
		return "", false
	case rest == "":
		return "/", true
	}
	return rest, rest[0] == '/'
}

// Name returns the name that viewers know a log of m's tailer by. A tailer may have logs that cannot be told apart from others by
// a path; those have none.
func (m *Mount) Name(local string) (name string, ok bool) {
	switch {
	case !strings.HasPrefix(local, "/"):
		return "", false
	case m.Prefix == Root:
		return local, true
	case local == "/":
		return m.Prefix, true
	}
	return m.Prefix + local, true
}
