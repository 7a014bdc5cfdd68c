package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/livetail/livetail/plugin/internal/family"
)

// Limits of looking through processes: what one diagnosis may cost.
const (
	maxProcesses = 20_000
	maxOpen      = 200_000
)

// process is one that runs.
type process struct {
	dir string // in /proc
	pid string
	uid int
}

// descriptor is an open file of a process.
type descriptor struct{ number, target string }

func (d *Doctor) processes() []process {
	entries, _ := os.ReadDir(d.proc("")) //nolint:gocritic // The name is a folder.
	var out []process
	for _, e := range entries {
		if _, err := strconv.Atoi(e.Name()); err != nil || len(out) == maxProcesses {
			continue
		}
		p := process{dir: filepath.Join(d.proc(""), e.Name()), pid: e.Name()}
		info, err := os.Stat(p.dir)
		if err != nil {
			continue
		}
		var ok bool
		if p.uid, _, ok = owners(info); ok {
			out = append(out, p)
		}
	}
	return out
}

// open returns the open files of p. hidden means that they are not for this process to see.
func (p process) open() (files []descriptor, hidden bool) {
	entries, err := os.ReadDir(filepath.Join(p.dir, "fd"))
	if err != nil {
		// One of our own that cannot be looked into is about to end.
		return nil, errors.Is(err, fs.ErrPermission) && p.uid != os.Geteuid()
	}
	out := make([]descriptor, 0, len(entries))
	for _, e := range entries {
		if target, err := os.Readlink(filepath.Join(p.dir, "fd", e.Name())); err == nil {
			out = append(out, descriptor{e.Name(), target})
		}
	}
	return out, false
}

func (p process) name() string {
	b, err := os.ReadFile(filepath.Join(p.dir, "comm"))
	if err != nil {
		return "process " + p.pid
	}
	name := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, strings.TrimSpace(string(b)))
	return fmt.Sprintf("%s (process %s)", name, p.pid)
}

// writer is a process that has a generation of the log open for writing.
type writer struct {
	who     string
	target  string // the name of the file as the kernel knows it
	live    bool   // it is the file at the path
	gone    bool   // it has no name any more
	appends bool
}

// writers says who writes the log, and whether he writes to the right file.
func (d *Doctor) writers(ctx context.Context, c *chart, p *patient) {
	found, hidden := d.findWriters(ctx, p)
	var live, old []writer
	for _, w := range found {
		if w.live {
			live = append(live, w)
		} else {
			old = append(old, w)
		}
	}
	const most = 3
	for _, w := range live[:min(len(live), most)] {
		if w.appends {
			c.ok("writer", "%s has it open for writing.", w.who)
			continue
		}
		c.note("writer", fmt.Sprintf("%s has it open for writing, but not for appending (O_APPEND): if the file is emptied in place, the next line stands behind a hole.", w.who),
			"Rotate by renaming, not with copytruncate, or have the program open the file for appending.")
	}
	for _, w := range old[:min(len(old), most)] {
		d.oldWriter(c, p, w, len(live) > 0)
	}
	if len(found) > 0 {
		return
	}
	if hidden {
		c.ok("writer", "No process of %s has it open for writing; those of others cannot be seen.", self())
		return
	}
	c.note("writer", "No process has it open for writing. Some programs open it for each line.",
		"If no lines come: check that the program runs, and that it writes to this file and not to one that was rotated or deleted.")
}

// switchTime is how long a writer may take to go on to the new file without anybody worrying.
const switchTime = time.Minute

func (d *Doctor) oldWriter(c *chart, p *patient, w writer, others bool) {
	where := w.target
	if w.gone {
		where = "a deleted file (" + where + ")"
	}
	what := fmt.Sprintf("%s still writes to %s, which was rotated away, and not to %s.", w.who, where, p.real.Name())
	do := "Tell it to open the file anew: in logrotate's postrotate, systemctl kill -s HUP or what its manual says (nginx: USR1); or start it again."
	if others || time.Since(p.born()) < switchTime {
		c.note("writer-on-rotated", what, do)
		return
	}
	c.problem("writer-on-rotated", what, do)
}

// born is when the live file was made, as far as is known: its inode was changed last then, or later.
func (p *patient) born() time.Time {
	if t, ok := birth(int(p.file.Fd())); ok {
		return t
	}
	return p.info.ModTime()
}

// findWriters looks through all processes that may be looked into. hidden means that there are others.
func (d *Doctor) findWriters(ctx context.Context, p *patient) (found []writer, hidden bool) {
	base := p.real.Name()
	looked := 0
	for _, proc := range d.processes() {
		if ctx.Err() != nil || looked > maxOpen {
			return found, true
		}
		open, unseen := proc.open()
		looked += len(open)
		hidden = hidden || unseen
		for _, fd := range open {
			target := strings.TrimSuffix(fd.target, " (deleted)")
			name := filepath.Base(target)
			if !filepath.IsAbs(target) || name != base && !family.Sibling(base, name) {
				continue
			}
			if w, ok := d.writerOf(p, proc, fd); ok {
				w.target = target
				found = append(found, w)
			}
		}
	}
	return found, hidden
}

// writerOf reports whether an open file is a generation of the log that is open for writing.
func (d *Doctor) writerOf(p *patient, proc process, fd descriptor) (writer, bool) {
	flags, ok := openFlags(filepath.Join(proc.dir, "fdinfo", fd.number))
	if !ok || flags&syscall.O_ACCMODE == syscall.O_RDONLY {
		return writer{}, false
	}
	info, err := os.Stat(filepath.Join(proc.dir, "fd", fd.number))
	if err != nil || !info.Mode().IsRegular() {
		return writer{}, false
	}
	w := writer{who: proc.name(), appends: flags&syscall.O_APPEND != 0, live: os.SameFile(info, p.info)}
	sys, ok := info.Sys().(*syscall.Stat_t)
	w.gone = ok && sys.Nlink == 0
	if w.live {
		return w, true
	}
	// Of another file with such a name, only one in the same folder is known to belong to the log.
	target := strings.TrimSuffix(fd.target, " (deleted)")
	return w, filepath.Dir(target) == p.folder.String() && sameDevice(info, p.info)
}

func sameDevice(a, b fs.FileInfo) bool {
	x, ok := a.Sys().(*syscall.Stat_t)
	y, ok2 := b.Sys().(*syscall.Stat_t)
	return ok && ok2 && x.Dev == y.Dev
}

// openFlags reads how a file was opened from /proc/PID/fdinfo/FD.
func openFlags(name string) (int, bool) {
	b, err := os.ReadFile(name)
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, "flags:"); ok {
			n, err := strconv.ParseInt(strings.TrimSpace(rest), 8, 64)
			return int(n), err == nil
		}
	}
	return 0, false
}
