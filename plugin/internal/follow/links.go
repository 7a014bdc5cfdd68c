package follow

import (
	"cmp"
	"fmt"
	"os"
	"slices"

	"github.com/livetail/livetail/plugin/internal/guard"
	"github.com/livetail/livetail/plugin/internal/watch"
	"github.com/livetail/livetail/plugin/tail"
)

// links is what is known about the link that stands at the path, if one does, and how it was switched since the chain was last brought
// up to date. It belongs to the tracker.
//
// The folder of the link says how often it was switched, and each link that is seen says once where it led. What remains was
// switched to something unknown: that is looked for by its name, and declared if it is not found.
type links struct {
	journal *watch.Journal    // of the folder of the path; nil without events, or while no link stands there
	dir     *os.File          // that folder; nil as above
	seen    map[linkID]bool   // links that have stood at the path and whose target was opened
	aside   map[string]*aside // links under other names, which may be renamed to the path
	half    map[uint32]*aside // such renames of which only the first part has been seen
	came    []*held           // the targets of seen
	owed    int               // how many switches are not explained by seen
	turned  bool              // the path leads elsewhere than at the last update
	blind   bool              // there may have been switches that no event tells of
	last    guard.Path        // where the path led at the last update

	folderDev, folderIno uint64 // the folder that journal is about
}

func (k *links) close() {
	k.unwatch()
	for _, h := range k.came {
		h.close()
	}
	*k = links{last: k.last}
}

// unwatch ends the recording, and keeps what is known.
func (k *links) unwatch() {
	k.journal.Close()
	if k.dir != nil {
		_ = k.dir.Close()
	}
	for _, a := range k.aside {
		a.close()
	}
	for _, a := range k.half {
		a.close()
	}
	k.journal, k.dir, k.seen, k.aside, k.half = nil, nil, nil, nil, nil
}

// watchLinks begins to record what happens to the link at the path.
func (l *Log) watchLinks() {
	k := &l.links
	k.seen, k.aside, k.half = make(map[linkID]bool), make(map[string]*aside), make(map[uint32]*aside)
	dir, err := l.e.guard.OpenDir(l.e.guard.Folder(l.path))
	if err == nil {
		k.folderDev, k.folderIno, _ = inodeOfFile(dir)
		k.journal, _ = l.e.watch.Journal(int(dir.Fd()), l.kick)
		k.dir = dir
	}
	k.blind = k.blind || k.journal == nil
}

// checkFolder notices that the folder of the link is another one, because a link among the folders was switched.
func (l *Log) checkFolder() {
	k := &l.links
	if k.seen == nil {
		return
	}
	dev, ino, err := inodeOf(l.e.guard, l.e.guard.Folder(l.path))
	if err == nil && (dev != k.folderDev || ino != k.folderIno) {
		k.unwatch()
		k.blind = true
	}
}

// leadsTo returns where the path leads, at an instant when no switch is waiting to be told.
func (l *Log) leadsTo() (at guard.Found, err error) {
	k := &l.links
	for range maxTurns {
		l.checkFolder()
		l.drainLinks()
		l.drainWays()
		if at, err = l.e.guard.Find(l.path); err != nil {
			return at, err
		}
		if at.Linked {
			if k.seen == nil {
				l.watchLinks()
				k.owed++ // The one that stands there now will be seen, and nothing tells of it.
				continue // It may have been switched before it was watched.
			}
			l.stand(l.observe(l.path.Name()))
		}
		if k.seen == nil && at.Path == l.path && len(l.ways.links) == 0 {
			break // No link is anywhere.
		}
		again, err := l.e.guard.Find(l.path)
		switched := l.drainLinks()
		switched = l.drainWays() || switched
		if len(k.half) > 0 { // The other part may have come about since.
			switched = l.drainLinks() || switched
		}
		if !switched && err == nil && again.Path == at.Path {
			break // What was observed is where it leads, and all that led elsewhere came before.
		}
	}
	for cookie, a := range k.half { // They have left the folder.
		delete(k.half, cookie)
		a.close()
	}
	if k.seen != nil && at.Path == l.path {
		if _, linked := l.linkAt(l.path); !linked {
			k.owed-- // A file stands there now, which explains one.
			k.unwatch()
		}
	}
	return at, err
}

// drainLinks applies the journal of the link's folder. It reports whether the link was switched.
func (l *Log) drainLinks() (switched bool) {
	k := &l.links
	if k.journal == nil {
		return false
	}
	base := l.path.Name()
	for _, e := range k.journal.Take(int(k.dir.Fd())) {
		if e.IsFolder() && e.Name != "" {
			continue
		}
		switch e.Kind() {
		case watch.Created, watch.MovedTo:
			from := k.half[e.Cookie]
			delete(k.half, e.Cookie)
			if e.Name != base {
				if from == nil {
					from = l.observe(e.Name)
				}
				if from != nil { // Else it has gone on, and what was seen under the name may still be needed.
					l.setAside(e.Name, from)
				}
				continue
			}
			k.owed++
			switched = true
			l.standFrom(from)
			l.stand(l.observe(base))
		case watch.MovedFrom:
			if a := k.aside[e.Name]; a != nil {
				a.name = e.Name
				k.half[e.Cookie] = a
				delete(k.aside, e.Name)
			}
		case watch.Deleted:
			l.setAside(e.Name, nil)
		case watch.Overflow, watch.FolderGone:
			k.owed, k.blind = max(k.owed, 0), true
			l.lossy = "events about the link were lost"
			if e.Kind() == watch.FolderGone {
				k.unwatch()
				return true
			}
		}
	}
	return switched
}

// standFrom notes that the link that was seen as a under another name has been renamed to the path.
//
// It was looked at after it had been told of, so it may be a later one of that name, whose turn is still to come: then it was made after the
// one that stands at the path now. It must not get into the chain before that one.
func (l *Log) standFrom(a *aside) {
	if a == nil {
		return
	}
	now := l.openLink(l.path)
	defer now.close()
	if now != nil && l.madeAfter(a, now) {
		l.setAside(a.name, a)
	} else {
		l.stand(a)
	}
}

// stand notes that a stands at the path, or did. It explains one switch.
func (l *Log) stand(a *aside) {
	k := &l.links
	if a == nil || a.target == nil {
		return
	}
	if k.seen[a.id] || len(k.came) >= l.e.opts.MaxHeld {
		a.close()
		return
	}
	k.seen[a.id] = true
	k.owed--
	k.came = append(k.came, a.target)
	a.target = nil
}

// passTargets appends the files that the link led to since the last update, before it led to h. It reports whether the way from there to
// h is known without a doubt. lack is what has to be declared at the next generation.
func (l *Log) passTargets(h *held) (sure bool, lack []string) {
	k := &l.links
	l.oweWays()
	if !k.turned && k.owed <= 0 && len(k.came) == 0 {
		return false, nil
	}
	came := k.came
	k.came = nil
	k.blind = k.blind || len(came) == 0 // Some other link was switched, which nothing tells of.
	if !l.first && k.turned && (k.blind || k.owed > 0) {
		came = l.targetsBetween(h, came)
	}
	came = slices.DeleteFunc(came, func(o *held) bool {
		if o.id != h.id && l.heldAs(o.id) == nil {
			return false
		}
		o.close()
		return true
	})
	for _, o := range came {
		if at := l.nameOf(o.fd); o.name == "" && !at.failed {
			o.name = at.name
		}
	}
	slices.SortStableFunc(came, func(a, b *held) int {
		return cmp.Or(cmp.Compare(a.id.btime, b.id.btime), compareStamps(a.name, b.name))
	})
	if k.owed > 0 && !l.first {
		// Where in the row they belong is not known either, so each step of it may be a gap.
		lack = []string{fmt.Sprintf("the path led to %d more files hereabouts, which could not be found", k.owed)}
	}
	sure = k.turned && !k.blind && lack == nil && len(came) == 0 && k.journal != nil && l.lossy == ""
	k.owed, k.turned, k.blind, k.last = 0, false, k.journal == nil, l.at.real
	if id, ok := l.linkAt(l.path); k.seen != nil {
		stands := ok && k.seen[id]
		clear(k.seen)
		k.seen[id] = stands
	}
	for _, o := range came {
		l.appendTarget(o, lack)
	}
	return sure, lack
}

// appendTarget appends a file that the link led to for a time.
func (l *Log) appendTarget(h *held, lack []string) {
	name := h.name
	h.name, h.fate = "", present
	switch at := l.nameOf(h.fd); {
	case at.gone:
		h.was, h.fate = at.name, deleted
	case !at.failed:
		h.name = at.name
	}
	if h.name != "" {
		l.names[h.name] = h
		name = h.name
	}
	l.leftBy = 0
	g := &generation{on: h, how: tail.HowSwitched, order: tail.OrderInferred}
	g.lacks(lack)
	l.append(g)
	l.publish(h)
	l.mu.Lock()
	g.name = cmp.Or(name, h.was)
	l.mu.Unlock()
	l.leftBy = tail.HowSwitched
}

// lacks notes that something may be missing before g.
func (g *generation) lacks(evidence []string) {
	if len(evidence) > 0 {
		g.cause = tail.CauseDeleted
		g.evidence = append(g.evidence, evidence...)
	}
}

// passBack is passTargets for a link that leads to the same file again.
func (l *Log) passBack() {
	k := &l.links
	l.oweWays()
	live := l.names[l.at.base]
	if live == nil || live.file == nil || k.owed <= 0 && len(k.came) == 0 {
		return
	}
	l.mu.Lock()
	last := l.chain[len(l.chain)-1]
	l.mu.Unlock()
	if _, lack := l.passTargets(live); lack != nil {
		l.mu.Lock()
		last.notes = append(last.notes, lack...)
		l.broadcastLocked()
		l.mu.Unlock()
	}
	l.comeBack(live)
	l.leftBy = 0
}

// targetsBetween adds the files to came that the link may have led to between the last update and h: those beside the two with a name of the
// same form, whose numbers lie between theirs, and that were made in between. A stamp or a counter makes such names.
func (l *Log) targetsBetween(h *held, came []*held) []*held {
	k := &l.links
	newest := l.newestHeld()
	if k.last.IsZero() || newest == nil || l.e.guard.Folder(k.last) != l.at.folder {
		return came
	}
	from, to := k.last.Name(), l.at.real.Name()
	entries, _ := l.e.guard.ReadDir(l.at.folder, func(name string) bool { return isBetween(from, name, to) })
	for _, e := range entries {
		o, err := l.open(e.Name())
		if err != nil {
			continue
		}
		same := func(c *held) bool { return c.id == o.id }
		if o.id.btime < newest.id.btime || o.id.btime > h.id.btime || o.id == h.id ||
			l.heldAs(o.id) != nil || len(came) >= l.e.opts.MaxHeld {
			o.close()
			continue
		}
		if i := slices.IndexFunc(came, same); i >= 0 {
			came[i].name = e.Name()
			o.close()
			continue
		}
		o.name = e.Name()
		came = append(came, o)
		k.owed--
	}
	return came
}

// forgetPending drops the generations that are still to be opened when the log is looked for in another place. Each counts as a switch
// to something unknown, until it turns up there.
func (l *Log) forgetPending() {
	l.mu.Lock()
	var open []*held
	for _, g := range l.chain {
		if g.state == pending && g.on.newest == g {
			open = append(open, g.on)
		}
	}
	l.mu.Unlock()
	for _, h := range open {
		l.dropPending(h)
		l.links.owed++
	}
	l.links.turned = l.links.turned || len(open) > 0
}

// declare is what a reader says about its generation that became known after it had got there.
func (r *Reader) declare(notes []string) {
	if r.noted < len(notes) {
		r.queue = append(r.queue, tail.Gap{Cause: tail.CauseDeleted, After: r.position(), Evidence: notes[r.noted:]})
		r.noted = len(notes)
	}
}
