package follow

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"github.com/livetail/livetail/plugin/internal/guard"
	"github.com/livetail/livetail/plugin/tail"
)

// maxTurns bounds one look at a folder in which files come and go without a pause.
const maxTurns = 50

// look finds out what happened since the last look: it opens every generation that came about and can still be opened, in the order in which
// they came about, and declares lost those that cannot. It returns the time until the next look.
//
// A file that was opened by its name may have been renamed in between. So what has been opened is loose until the kernel says under which name
// it knows the descriptor at an instant when the journal, which tells of all that can be seen, is empty before and after.
func (l *Log) look() time.Duration {
	if l.settle() && !l.first {
		l.leftBy = tail.HowSwitched
	}
	l.unreadable = false
	if l.at.dir != nil {
		l.discover()
	} else {
		l.setTrouble(cmp.Or(l.at.noDir, errNoFolder(l.path)))
	}
	wait := l.measure()
	if again := l.seekCopies(); again > 0 {
		wait = min(wait, again)
	}
	l.trim()
	l.evict()
	l.first = false
	return wait
}

func (l *Log) discover() {
	var loose []*held
	defer func() {
		for _, h := range loose {
			h.close()
		}
	}()
	for turn := range maxTurns {
		calm := turn < maxTurns-1
		var back *held
		if turn == 0 && l.at.stands {
			l.setTrouble(nil)
		} else {
			loose, back = l.grab(loose)
		}
		live := l.names[l.at.base]
		changed := l.replay()
		if !changed {
			l.dropAstray()
		}
		if back != nil && !changed { // Nothing happened since the journal was read last, and it does not tell why that file stands there.
			l.standsAgain(back)
		}
		if changed && calm && len(loose) == 0 && l.names[l.at.base] != live {
			continue // What stands at the path was not a generation when it was opened.
		}
		if !changed && len(loose) == 0 && l.allKnown() {
			l.seenAll()
			return
		}
		loose = l.openPending(loose)
		if l.replay() && calm {
			continue
		}
		links := make([]link, len(loose))
		for i, h := range loose {
			links[i] = l.nameOf(h.fd)
		}
		if l.replay() && calm {
			continue
		}
		if l.halved() && calm {
			continue
		}
		l.dropHalves()
		loose = l.assign(loose, links)
		l.seenAll()
		return
	}
}

// allKnown reports whether each name that is known is that of an open file, so that nothing is left to be found out.
func (l *Log) allKnown() bool {
	if len(l.gone) > 0 || len(l.half) > 0 {
		return false
	}
	for _, h := range l.names {
		if h.file == nil {
			return false
		}
	}
	return true
}

// seenAll notes that all that there is has been seen, if so.
func (l *Log) seenAll() {
	if live := l.names[l.at.base]; l.at.journal != nil && live != nil && live.file != nil {
		l.blind, l.lossy = false, ""
	}
}

// grab opens what stands at the path, unless that is known. If it is a file of the chain that is not known to stand there, it is returned, too:
// the journal, which is read after this, may still tell how it came there.
func (l *Log) grab(loose []*held) (all []*held, back *held) {
	st, err := l.e.guard.Stat(l.at.real)
	if err != nil {
		l.setTrouble(err)
		return loose, nil
	}
	dev, ino, ok := statInode(st)
	if l.isLiveFile(st) {
		l.setTrouble(nil)
		return loose, nil
	}
	for _, h := range loose {
		if ok && h.id.sameInode(dev, ino) {
			return loose, nil
		}
	}
	h, err := l.open(l.at.base)
	l.setTrouble(err)
	if err != nil {
		l.cannotOpen(l.names[l.at.base], err)
		return loose, nil
	}
	if known := l.heldAs(h.id); known != nil {
		h.close()
		if l.links.turned {
			if _, lack := l.passTargets(known); lack != nil {
				l.lossy = lack[0]
			}
		}
		return loose, known
	}
	return append(loose, h), nil
}

// standsAgain is called when a file of the chain stands at the path, and no event told how it came there.
func (l *Log) standsAgain(h *held) {
	switch live := l.names[l.at.base]; {
	case l.at.journal == nil, live == nil:
	case live.file == nil:
		l.loseName(live, deleted) // One that was told of and that nobody could open.
	default:
		return
	}
	l.rename(h, l.at.base)
}

// open opens an entry of the folder.
func (l *Log) open(name string) (*held, error) {
	path := l.at.real
	if name != l.at.base {
		var err error
		if path, err = l.e.guard.Join(l.at.folder, name); err != nil {
			return nil, err
		}
	}
	// Whatever is opened now is what the journal has shown under this name so far, or something newer.
	seq, told := l.count+1, false
	if h := l.names[name]; h != nil && h.file == nil {
		seq, told = h.seq, true
	}
	h, err := l.openPath(path)
	if err == nil {
		h.seq, h.told = seq, told
	}
	return h, err
}

func (l *Log) openPath(path guard.Path) (*held, error) {
	f, err := l.e.guard.Open(path)
	if err != nil {
		return nil, err
	}
	return hold(f)
}

// heldAs returns the file of the chain that is the same as one that is open now.
func (l *Log) heldAs(id identity) *held {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, g := range slices.Backward(l.chain) {
		if h := g.on; h.file != nil && h.id == id {
			return h
		}
	}
	return nil
}

// openPending opens the generations of which only a name is known.
func (l *Log) openPending(loose []*held) []*held {
	for name, h := range l.names {
		if h.file != nil || name == l.at.base { // grab did that one.
			continue
		}
		o, err := l.open(name)
		if err != nil {
			l.cannotOpen(h, err)
			continue
		}
		same := l.heldAs(o.id) != nil
		for _, other := range loose {
			same = same || other.id == o.id
		}
		if same {
			o.close()
			continue
		}
		loose = append(loose, o)
	}
	return loose
}

// cannotOpen decides about a pending generation whose file is there and cannot be opened: it is tried again as long as nothing comes
// after it.
func (l *Log) cannotOpen(h *held, err error) {
	switch {
	case errors.Is(err, tail.ErrNotFound):
		return
	case h == nil || h.file != nil:
	case errors.Is(err, tail.ErrNotRegular), errors.Is(err, tail.ErrNotAllowed):
		l.dropPending(h) // A folder, a FIFO, or a link that leads astray is no generation of a log.
	case l.hasSuccessor(h):
		delete(l.names, h.name)
		h.missed = l.siblingAt(h.name)
		h.was, h.name, h.fate = h.name, "", unreadable
		l.setLost(h)
	}
	l.unreadable = true
}

// assign gives the loose files to the generations that they are, at an instant when the journal is empty. It returns what nobody wants.
func (l *Log) assign(loose []*held, links []link) []*held {
	var rest []*held
	order := make([]int, len(loose))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		// What has a name goes first, for nothing is surer; but what the journal does not explain comes into the chain in this order.
		if !l.blind && links[a].named() != links[b].named() {
			if links[a].named() {
				return -1
			}
			return 1
		}
		return compareLoose(loose[a], loose[b])
	})
	without := 0
	for _, at := range links {
		if !at.named() && !at.failed {
			without++
		}
	}
	short := len(l.gone) > without // Some that have no name any more will not be found.
	for _, i := range order {
		if !l.assignOne(loose[i], links[i], short) {
			rest = append(rest, loose[i])
		}
	}
	for _, h := range l.gone {
		l.setLost(h)
	}
	l.gone = nil
	return rest
}

// compareLoose says which of two files that are open is likely to be the older one: the one that was born sooner, or else the one that can be
// an older generation, or else the one that was opened under a name of which the journal had told already, for the other one has come to its
// name since.
func compareLoose(a, b *held) int {
	untold := func(h *held) int {
		if h.told {
			return 0
		}
		return 1
	}
	return cmp.Or(cmp.Compare(a.id.btime, b.id.btime), cmp.Compare(a.seq, b.seq), cmp.Compare(untold(a), untold(b)))
}

func (l *Log) assignOne(h *held, at link, short bool) bool {
	switch {
	case at.failed:
		return false
	case at.named():
		owner := l.names[at.name]
		if owner != nil && owner.file == nil {
			l.adopt(owner, h)
			return true
		}
		if owner != nil && owner.id == h.id {
			return false
		}
		if at.name == l.at.base {
			l.unexplained(h)
			return true
		}
		if l.blind && !l.empty() {
			l.unexplained(h)
			l.rename(h, at.name)
			return true
		}
		return false
	}
	// It has no name in the folder any more: it is the oldest that it can be of those that lost theirs in the same way.
	if it, sure := l.goneAs(h, at); it != nil {
		l.gone = slices.DeleteFunc(l.gone, func(o *held) bool { return o == it })
		if !sure {
			for _, o := range l.gone {
				o.vague = true
			}
			l.mu.Lock()
			it.newest.order = tail.OrderInferred
			if short {
				it.newest.lacks([]string{"others came and went in the same moment: some of those that are missing may come before it"})
			}
			l.mu.Unlock()
		}
		l.adopt(it, h)
		return true
	}
	if l.blind && !l.empty() {
		l.unexplained(h)
		h.name, h.fate = "", deleted
		delete(l.names, l.at.base)
		return true
	}
	return false
}

// goneAs returns the oldest generation without a name that an open file without a name can be. sure means that it can be no other.
//
// Files may come and go between the last that was told and the moment of opening. What decides then is when the file lost its name: it is none
// that had lost its name before another was made that is older than that moment. And files are mostly born in the order of the log.
func (l *Log) goneAs(h *held, at link) (it *held, sure bool) {
	var later *held // what only its time speaks against, which whoever writes to a deleted file makes later
	for _, o := range l.gone {
		switch {
		case o.seq < h.seq || at.gone != (o.fate != movedAway) || at.gone && o.was != at.name:
		case at.gone && l.madeBetween(o.left, at.since), l.bornOutOfTurn(o.seq, h.id.btime):
			later = cmp.Or(later, o)
		case it != nil:
			return it, false
		default:
			it = o
		}
	}
	if it == nil {
		return later, false
	}
	return it, true
}

// madeBetween reports whether a file that came after the first so many was made at the path before a time.
func (l *Log) madeBetween(count, before int64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.ContainsFunc(l.chain, func(g *generation) bool {
		h := g.on
		return h.madeHere && h.seq > count && h.file != nil && h.id.btime != 0 && h.id.btime < before
	})
}

// bornOutOfTurn reports whether a file of that birth, in that place of the chain, would come after one that was born later, or before one that
// was born sooner.
func (l *Log) bornOutOfTurn(seq, btime int64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return btime != 0 && slices.ContainsFunc(l.chain, func(g *generation) bool {
		h := g.on
		return h.file != nil && h.id.btime != 0 && h.seq != 0 && (h.seq < seq && h.id.btime > btime || h.seq > seq && h.id.btime < btime)
	})
}
