package doctor

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// mountPoint is a line of mountinfo.
type mountPoint struct {
	at, kind, source, options string
}

// maxMounts bounds how many mounts are looked at.
const maxMounts = 20_000

// mounts reads what is mounted where, as this process sees it.
func (d *Doctor) mounts() []mountPoint {
	f, err := os.Open(d.proc("/self/mountinfo"))
	if err != nil {
		return nil
	}
	defer f.Close()
	var out []mountPoint
	for s := bufio.NewScanner(f); s.Scan() && len(out) < maxMounts; {
		if m, ok := parseMount(s.Text()); ok {
			out = append(out, m)
		}
	}
	return out
}

// parseMount reads one line: ID, parent, device, root, mount point, options, any number of tags, a hyphen, type, source, options.
func parseMount(line string) (mountPoint, bool) {
	before, after, ok := strings.Cut(line, " - ")
	left, right := strings.Fields(before), strings.Fields(after)
	if !ok || len(left) < 6 || len(right) < 2 {
		return mountPoint{}, false
	}
	m := mountPoint{at: unescape(left[4]), options: left[5], kind: right[0], source: unescape(right[1])}
	if len(right) > 2 {
		m.options += "," + right[2]
	}
	return m, true
}

// unescape undoes what the kernel does to blanks in names: a backslash and three octal digits.
func unescape(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}

// mount examines what the log lies on.
func (d *Doctor) mount(c *chart, p *patient) {
	// The kernel knows mount points by names without links.
	folder := p.folder.String()
	if real, err := filepath.EvalSymlinks(folder); err == nil {
		folder = real
	}
	name := filepath.Join(folder, p.real.Name())
	var holds mountPoint
	for _, m := range d.mounts() {
		switch {
		case m.at == name:
			c.problem("mounted-file", fmt.Sprintf("%s is mounted as a single file. After the next rotation the old file stays here, and the new one cannot be seen by this path.", name),
				fmt.Sprintf("Mount its folder instead: %s (in Docker: -v /HOST/FOLDER:%s:ro).", folder, folder))
		case within(m.at, folder) && len(m.at) >= len(holds.at):
			holds = m
		}
	}
	if holds.kind != "" {
		d.fileSystem(c, p, holds)
	}
	d.room(c, p)
}

// within reports whether path is folder or lies below it.
func within(folder, path string) bool {
	rest, ok := strings.CutPrefix(path, folder)
	return ok && (rest == "" || rest[0] == '/' || folder == "/")
}

func (d *Doctor) fileSystem(c *chart, p *patient, m mountPoint) {
	switch {
	case m.kind == "overlay":
		c.note("file-system", fmt.Sprintf("%s lies on overlay, the file system of a container itself, mounted at %s.", p.folder, m.at),
			"It works, but what the container writes there goes when it goes, and other containers do not see it: write logs to a volume.")
	case strings.Contains(","+m.options+",", ",ro,"):
		c.ok("file-system", "%s lies on %s, mounted at %s for reading only.", p.folder, m.kind, m.at)
	default:
		c.ok("file-system", "%s lies on %s, mounted at %s.", p.folder, m.kind, m.at)
	}
}

// room says when the file system is full, because then nothing is written any more.
func (d *Doctor) room(c *chart, p *patient) {
	dir, err := d.Guard.OpenDir(p.folder)
	if err != nil {
		return
	}
	defer dir.Close()
	var st unix.Statfs_t
	if unix.Fstatfs(int(dir.Fd()), &st) != nil || st.Blocks == 0 || st.Flags&unix.ST_RDONLY != 0 {
		return
	}
	do := "Make room: df -h and df -i say where it is gone; deleted files that a program still has open count, too (lsof +L1)."
	switch {
	case st.Bfree == 0:
		c.problem("disk-full", fmt.Sprintf("The file system of %s is full: nothing can be written to the log.", p.folder), do)
	case st.Bavail == 0:
		c.note("disk-full", fmt.Sprintf("The file system of %s is full for everybody but root.", p.folder), do)
	case st.Files > 0 && st.Ffree == 0:
		c.problem("disk-full", fmt.Sprintf("The file system of %s has no inode left: no new file can be made at the next rotation.", p.folder), do)
	}
}

// birth is when an open file was made, if the file system knows.
func birth(fd int) (t time.Time, ok bool) {
	var st unix.Statx_t
	if err := unix.Statx(fd, "", unix.AT_EMPTY_PATH, unix.STATX_BTIME, &st); err != nil || st.Mask&unix.STATX_BTIME == 0 {
		return time.Time{}, false
	}
	return time.Unix(st.Btime.Sec, int64(st.Btime.Nsec)), true
}
