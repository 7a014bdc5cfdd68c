package follow

import (
	"cmp"
	"path/filepath"
	"slices"
	"strings"

	"github.com/livetail/livetail/plugin/tail"
)

// infer appends the generations that came to the path and left it between the newest one that is known and h, while nothing was recorded:
// the files of the log in the folder that are not held and were made in between.
func (l *Log) infer(h *held) {
	newest := l.newestHeld()
	if newest == nil {
		return
	}
	entries, err := l.e.guard.ReadDir(l.at.folder, func(name string) bool {
		return name != l.at.base && sibling(l.at.base, name) && l.names[name] == nil
	})
	if err != nil {
		return
	}
	var found []*held
	for _, e := range entries {
		o, err := l.open(e.Name())
		if err != nil {
			continue
		}
		if o.id.btime < newest.id.btime || o.id.btime > h.id.btime || o.id == h.id || l.heldAs(o.id) != nil {
			o.close()
			continue
		}
		o.name = e.Name()
		found = append(found, o)
	}
	slices.SortFunc(found, func(a, b *held) int { return cmp.Compare(a.id.btime, b.id.btime) })
	for _, o := range found {
		l.names[o.name] = o
		l.append(&generation{on: o, how: tail.HowRenamed, order: tail.OrderInferred})
		l.publish(o)
	}
}

func (l *Log) newestHeld() *held {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := len(l.chain) - 1; i >= 0; i-- {
		if h := l.chain[i].on; h.file != nil {
			return h
		}
	}
	return nil
}

// sibling reports whether name may be that of a rotated generation of base.
func sibling(base, name string) bool {
	ext := filepath.Ext(base)
	stem := strings.TrimSuffix(base, ext)
	switch filepath.Ext(name) {
	case ".gz", ".zst", ".bz2", ".xz":
		return false
	}
	return strings.HasPrefix(name, base) || strings.HasPrefix(name, stem) && strings.HasSuffix(name, ext)
}
