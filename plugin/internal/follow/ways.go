package follow

import (
	"os"
	"path/filepath"

	"github.com/livetail/livetail/plugin/internal/guard"
	"github.com/livetail/livetail/plugin/internal/watch"
)

// maxWays bounds how many links among the folders of a path are watched.
const maxWays = 8

// ways are the links among the folders of the path, such as the one to the current release of a program. They belong to the tracker.
type ways struct {
	links  []way
	turns  int  // how often they were switched since the log was last known to stand at the path
	unseen bool // there is one above the roots, of whose switches nothing tells
}

// way is one of them.
type way struct {
	name    string
	dir     *os.File // the folder where it stands
	journal *watch.Journal
}

func (w *ways) close() {
	for _, k := range w.links {
		k.journal.Close()
		_ = k.dir.Close()
	}
	w.links = nil
}

// watchWays begins to watch the links on the way to the place where the log is now.
func (l *Log) watchWays() {
	l.ways.close()
	g := l.e.guard
	for p := g.Folder(l.path); len(l.ways.links) < maxWays; p = g.Folder(p) {
		if _, linked := l.linkAt(p); linked {
			l.watchWay(p)
		}
		if g.Folder(p) == p {
			break
		}
	}
	real, err := filepath.EvalSymlinks(l.at.folder.String())
	l.ways.unseen = err == nil && real != l.at.folder.String()
}

func (l *Log) watchWay(p guard.Path) {
	dir, err := l.e.guard.OpenDir(l.e.guard.Folder(p))
	if err != nil {
		return
	}
	j, err := l.e.watch.Journal(int(dir.Fd()), l.kick)
	if err != nil {
		_ = dir.Close()
		return
	}
	l.ways.links = append(l.ways.links, way{p.Name(), dir, j})
}

// drainWays reports whether a link among the folders was switched.
func (l *Log) drainWays() (switched bool) {
	for _, w := range l.ways.links {
		for _, e := range w.journal.Take(int(w.dir.Fd())) {
			switch k := e.Kind(); {
			case k == watch.Overflow:
				l.lossy = "events about a link among the folders were lost"
			case e.Name == w.name && (k == watch.Created || k == watch.MovedTo):
				l.ways.turns++
				switched = true
			}
		}
	}
	return switched
}

// oweWays counts each switch of a link among the folders but the last, which has led to where the log is now, as one to something unknown.
func (l *Log) oweWays() {
	if l.ways.turns > 1 {
		l.links.owed += l.ways.turns - 1
	}
	l.ways.turns = 0
}
