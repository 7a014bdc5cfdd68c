package doctor

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/livetail/livetail/plugin/internal/guard"
	"github.com/livetail/livetail/plugin/internal/watch"
)

// events says how changes are noticed in a folder, or anywhere if it is zero.
func (d *Doctor) events(c *chart, folder guard.Path) {
	polling := fmt.Sprintf("Changes are found by looking every %v; the same lines arrive, later, and orders of rotations are inferred.", d.Engine.Poll())
	if err := d.Engine.EventsError(); err != nil {
		if errors.Is(err, watch.ErrOff) {
			c.note("events", "Events of the system are switched off. "+polling, "Leave out --no-events, unless the files are on a network.")
			return
		}
		c.note("events", fmt.Sprintf("The system gives no events (%v). %s", cause(err), polling), raise(err))
		return
	}
	if folder.IsZero() {
		c.ok("events", "Changes are told by the system (inotify), and looked for every %v besides.", 4*d.Engine.Poll())
		return
	}
	dir, err := d.Guard.OpenDir(folder)
	if err != nil {
		return // Said already.
	}
	name, told := watch.Told(int(dir.Fd()))
	_ = dir.Close()
	if !told {
		c.note("events", fmt.Sprintf("The folder %s is on %s, where the system tells nothing of changes made elsewhere. %s", folder, name, polling),
			"Run livetail on the machine that writes the files if that is too slow. Deleted files may vanish there while they are read: keep rotated ones for long enough.")
		return
	}
	if err := d.Engine.ProbeEvents(folder); err != nil {
		c.note("events", fmt.Sprintf("The folder %s cannot be watched (%v). %s", folder, cause(err), polling), raise(err))
		return
	}
	c.ok("events", "Changes in %s (%s) are told by the system (inotify), and looked for every %v besides.", folder, name, 4*d.Engine.Poll())
}

// raise says what to do when events are not to be had.
func raise(err error) string {
	switch {
	case errors.Is(err, syscall.ENOSPC):
		return "Allow more watches: sysctl fs.inotify.max_user_watches=524288 (and in /etc/sysctl.d to keep it), then start livetail again."
	case errors.Is(err, syscall.EMFILE):
		return "Allow more queues: sysctl fs.inotify.max_user_instances=1024 (and in /etc/sysctl.d to keep it), then start livetail again."
	default:
		return "Ask what forbids inotify here: a container runtime such as gVisor, or a seccomp profile."
	}
}

// limits says how much of inotify is left for this user.
func (d *Doctor) limits(c *chart) {
	queues, okQ := d.limit("max_user_instances")
	watches, okW := d.limit("max_user_watches")
	if !okQ || !okW {
		return
	}
	u := d.inotifyUse()
	what := fmt.Sprintf("inotify: %d of %d queues and %d of %d watches are in use by %s, as far as it can see.", u.queues, queues, u.watches, watches, self())
	if u.queues*10 < queues*8 && u.watches*10 < watches*8 {
		c.ok("inotify-limits", "%s", what)
		return
	}
	err := error(syscall.ENOSPC)
	if u.queues*10 >= queues*8 {
		err = syscall.EMFILE
	}
	c.note("inotify-limits", what+" Soon new logs will be followed by looking alone.", raise(err))
}

func (d *Doctor) limit(name string) (int, bool) {
	b, err := os.ReadFile(d.proc("/sys/fs/inotify/" + name))
	if err != nil {
		return 0, false
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(b)))
	return n, err == nil
}

// use is what processes hold of inotify.
type use struct{ queues, watches int }

// inotifyUse counts what the processes of this user hold, or of all users whose processes it may look into and that count against the same
// limit.
func (d *Doctor) inotifyUse() (u use) {
	me := os.Geteuid()
	for _, p := range d.processes() {
		if p.uid != me {
			continue
		}
		files, _ := p.open()
		for _, fd := range files {
			if fd.target != "anon_inode:inotify" {
				continue
			}
			u.queues++
			u.watches += countWatches(filepath.Join(p.dir, "fdinfo", fd.number))
		}
	}
	return u
}

func countWatches(name string) (n int) {
	f, err := os.Open(name)
	if err != nil {
		return 0
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if strings.HasPrefix(s.Text(), "inotify wd:") {
			n++
		}
	}
	return n
}
