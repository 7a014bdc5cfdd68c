package follow

import (
	"cmp"
	"errors"
	"slices"

	"github.com/livetail/livetail/plugin/internal/family"
	"github.com/livetail/livetail/plugin/tail"
)

// infer appends the generations that came to the path and left it between the newest one that is known and h, while nothing was recorded:
// the files of the log in the folder that are not held and were made in between.
func (l *Log) infer(h *held) {
	newest := l.newestHeld()
	if newest == nil {
		return
	}
	if old := l.names[l.at.base]; old != nil {
		l.seeWhereItWent(old)
	}
	// Names move on while they are listed: once more until nothing new is found.
	var came []*held
	for range maxListings {
		more := l.unheld(newest, h, came)
		if len(more) == 0 {
			break
		}
		came = append(came, more...)
	}
	l.sortByBirth(came)
	how := l.leftBy
	for _, o := range came {
		g := &generation{on: o, how: l.howLeft(), order: tail.OrderInferred}
		l.append(g)
		l.publish(o)
		if o.name == "" { // It is in the folder of old files.
			l.mu.Lock()
			g.name = o.was
			l.mu.Unlock()
		}
		l.leftBy = tail.HowRenamed
	}
	if len(came) == 0 {
		l.leftBy = how
	}
	l.refreshNames()
}

// sortByBirth puts files in the order in which they were made, and where times are equal, in that of their names, as they are now.
func (l *Log) sortByBirth(files []*held) {
	var named []family.Candidate
	for _, h := range files {
		if at := l.nameOf(h.fd); !at.failed && !at.gone {
			h.name = at.name
		}
		if m, ok := family.Parse(l.at.base, cmp.Or(h.name, h.was)); ok {
			named = append(named, family.Candidate{Member: m})
		}
	}
	named, _ = family.Order(named)
	rank := make(map[string]int, len(named))
	for i, c := range named {
		rank[c.Name] = i
	}
	slices.SortStableFunc(files, func(a, b *held) int {
		return cmp.Or(cmp.Compare(a.id.btime, b.id.btime), cmp.Compare(rank[cmp.Or(a.name, a.was)], rank[cmp.Or(b.name, b.was)]))
	})
}

// maxListings bounds how often a folder is listed in one look.
const maxListings = 20

// unheld opens the rotated files in the folder that are not held, not among came, and made between newest and h.
func (l *Log) unheld(newest, h *held, came []*held) []*held {
	var out []*held
	files, err := l.siblings()
	if err != nil {
		l.lossy = "a folder with rotated files " + cannot("be listed", err)
	}
	for _, f := range files {
		if f.Packed != "" {
			continue
		}
		o, err := l.openSibling(f)
		if err != nil {
			// No descriptor is left, or a right is missing. It may be one that came in between, if it was not last written before.
			if errors.Is(err, tail.ErrUnreadable) && !l.hasMissed(f) && f.Modified.UnixNano() >= newest.id.btime {
				l.lossy = f.Name + " " + cannot("be opened", err)
			}
			continue
		}
		same := func(k *held) bool { return k.id == o.id }
		if packedAs(o) != "" || o.id.btime < newest.id.btime || o.id.btime > h.id.btime || o.id == h.id || l.heldAs(o.id) != nil ||
			slices.ContainsFunc(came, same) || slices.ContainsFunc(out, same) {
			o.close()
			continue
		}
		out = append(out, o)
	}
	return out
}

func (l *Log) newestHeld() *held {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, g := range slices.Backward(l.chain) {
		if h := g.on; h.file != nil {
			return h
		}
	}
	return nil
}
