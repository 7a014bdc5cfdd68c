package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/livetail/livetail/plugin/internal/family"
	"github.com/livetail/livetail/plugin/internal/guard"
	"github.com/livetail/livetail/plugin/tail"
)

// patient is a log under examination.
type patient struct {
	log    guard.Path
	real   guard.Path // after following links; log if that is not possible
	folder guard.Path // of real
	// folderReadable means that folder exists and can be listed.
	folderReadable bool
	file           *os.File // nil unless it is a regular file that can be read
	info           fs.FileInfo
	siblings       []sibling // its rotated generations, newest last as far as names tell
	inferred       bool      // their order is not certain
	other          bool      // something else than a file stands there
}

// path follows the path of a log part by part, as the system does, and says at which part that ends.
func (d *Doctor) path(c *chart, log guard.Path) *patient {
	p := &patient{log: log, real: log, folder: d.Guard.Folder(log)}
	if !d.rootOf(c, log) {
		return p
	}
	if !d.parents(c, log) {
		return p
	}
	if at, err := d.Guard.Find(log); err == nil {
		p.real, p.folder = at.Path, d.Guard.Folder(at.Path)
	}
	if dir, err := d.Guard.OpenDir(p.folder); err == nil {
		p.folderReadable = true
		_ = dir.Close()
	} else if errors.Is(err, fs.ErrPermission) {
		info, _ := d.Guard.Stat(p.folder)
		c.problem("folder-unreadable", fmt.Sprintf("The folder %s%s may not be listed by %s. Following needs that, to notice rotations and find rotated files.",
			p.folder, owned(info), self()), d.allow(p.folder, info, "rx"))
	}
	d.open(c, p)
	return p
}

// rootOf examines the root below which the log lies, and says whether to go on.
func (d *Doctor) rootOf(c *chart, log guard.Path) bool {
	root := d.Guard.RootOf(log)
	switch _, err := os.Stat(root); {
	case err == nil:
		c.ok("allowed", "%s may be followed: it lies below the root %s.", log, root)
		return true
	case errors.Is(err, fs.ErrNotExist) && strings.HasPrefix(log.String(), root+"/"):
		c.problem("root-missing", fmt.Sprintf("The root %s does not exist.", root),
			"Make it, mount it, or name another root; in a container, mount the folder of the logs there.")
		return false
	case errors.Is(err, fs.ErrPermission):
		c.problem("root-unreachable", fmt.Sprintf("The root %s cannot be reached: %s.", root, d.barrier(root)),
			"Give that user the right to enter each folder above the root (mode x), or run livetail as another one.")
		return false
	}
	return true
}

// barrier names the first folder above path that this process may not enter.
func (d *Doctor) barrier(path string) string {
	at := "/"
	for part := range strings.SplitSeq(strings.Trim(path, "/"), "/") {
		next := filepath.Join(at, part)
		if _, err := os.Lstat(next); errors.Is(err, fs.ErrPermission) {
			info, _ := os.Stat(at)
			return fmt.Sprintf("%s%s may not be entered by %s", at, owned(info), self())
		}
		at = next
	}
	return "a folder above it may not be entered by " + self()
}

// parents examines the parts of the path from the root on, and says whether to go on.
func (d *Doctor) parents(c *chart, log guard.Path) bool {
	root := d.Guard.RootOf(log)
	at := root
	if len(at) >= len(log.String()) {
		at = filepath.Dir(log.String()) // The root is the file itself, or it is a sibling of one.
	}
	rest := strings.Trim(strings.TrimPrefix(log.String(), at), "/")
	parts := strings.Split(rest, "/")
	for i, part := range parts {
		last := i == len(parts)-1
		next := filepath.Join(at, part)
		q, err := d.Guard.Resolve(next)
		if err != nil {
			at = next // Above a root that is a file.
			continue
		}
		info, err := d.Guard.Lstat(q)
		switch {
		case errors.Is(err, fs.ErrPermission):
			above, _ := d.Guard.Resolve(at)
			info, _ := d.Guard.Stat(above) // nil if it cannot be examined
			c.problem("folder-closed", fmt.Sprintf("The folder %s%s may not be entered and listed by %s; both are needed.", at, owned(info), self()), d.allow(above, info, "rx"))
			return false
		case errors.Is(err, tail.ErrNotFound) && !last:
			c.problem("folder-missing", fmt.Sprintf("The folder %s does not exist.", next), "Check the path"+d.like(at, part)+", or start what makes the folder.")
			return false
		case errors.Is(err, tail.ErrNotFound), err != nil:
			return true // open says it.
		case info.Mode()&fs.ModeSymlink != 0:
			if !d.link(c, q) {
				return false
			}
		case !last && !info.IsDir():
			c.problem("not-a-folder", fmt.Sprintf("%s is no folder.", next), "Check the path.")
			return false
		}
		at = next
	}
	return true
}

// link examines a link on the way, and says whether to go on.
func (d *Doctor) link(c *chart, p guard.Path) bool {
	_, err := d.Guard.Stat(p)
	switch {
	case errors.Is(err, tail.ErrNotAllowed):
		c.problem("link-leads-outside", fmt.Sprintf("%s is a link that leads to a place outside the roots.", p),
			fmt.Sprintf("Name the place that it leads to as a root, too: readlink -f %s says which.", p))
		return false
	case errors.Is(err, syscall.ELOOP):
		c.problem("link-loop", fmt.Sprintf("%s is a link that leads back to itself.", p), "Mend the link.")
		return false
	case errors.Is(err, tail.ErrNotFound):
		c.problem("link-dangling", fmt.Sprintf("%s is a link to something that does not exist.", p),
			"Start the program that makes the file, or mend the link; in a container, mount the place that it leads to, under the same name.")
		return false
	}
	if at, err := d.Guard.Find(p); err == nil && at.Path != p {
		c.ok("link", "%s is a link to %s. When it is switched, the log goes on in the file that it leads to then.", p, at.Path)
	}
	return true
}

// open examines the file itself.
func (d *Doctor) open(c *chart, p *patient) {
	f, err := d.Guard.Open(p.log)
	info, _ := d.Guard.Stat(p.log)
	switch {
	case err == nil:
		p.file = f
		if p.info, err = f.Stat(); err != nil {
			p.info = info
		}
		c.ok("readable", "%s is a regular file of %s and can be read by %s.", p.log, bytesText(p.info.Size()), self())
	case errors.Is(err, tail.ErrNotRegular):
		p.other = true
		d.notRegular(c, p.log, info)
	case errors.Is(err, tail.ErrNotFound):
		d.missing(c, p)
	case errors.Is(err, fs.ErrPermission):
		what := fmt.Sprintf("%s%s may not be read by %s.", p.log, owned(info), self())
		do := d.allow(p.log, info, "r") + " See to it that new files get the same right, too: logrotate's create MODE OWNER GROUP, or the umask of the program."
		if mayRead(info) {
			what = fmt.Sprintf("%s%s cannot be read by %s, although its mode allows it.", p.log, owned(info), self())
			do = "Look for what else forbids it: AppArmor or SELinux (dmesg, ausearch -m avc), or the sandbox of the service (systemctl cat livetail)."
		}
		c.problem("unreadable", what, do)
	case errors.Is(err, tail.ErrNotAllowed):
		c.problem("link-leads-outside", fmt.Sprintf("%s leads to a place outside the roots.", p.log), "Name the place that it leads to as a root, too.")
	default:
		c.problem("unreadable", fmt.Sprintf("%s cannot be opened: %v.", p.log, cause(err)), "Look at the disk and the messages of the system (dmesg).")
	}
}

func (d *Doctor) notRegular(c *chart, p guard.Path, info fs.FileInfo) {
	kind, do := "no regular file", "Name a file that the program writes."
	switch {
	case info == nil:
	case info.IsDir():
		kind = "a folder"
		do = "Name a file in it."
		if names := d.list(p, 5); len(names) > 0 {
			do = "Name a file in it: " + strings.Join(names, ", ") + "."
		}
	case info.Mode()&fs.ModeNamedPipe != 0:
		kind = "a FIFO, which keeps nothing: what one reader takes, no other gets"
		do = "Have the program write a file, or put one behind it: cat FIFO >> FILE."
	case info.Mode()&fs.ModeSocket != 0:
		kind = "a socket"
	case info.Mode()&fs.ModeDevice != 0:
		kind = "a device"
	}
	c.problem("not-a-file", fmt.Sprintf("%s is %s.", p, kind), do)
}

// missing says what there is instead of the file.
func (d *Doctor) missing(c *chart, p *patient) {
	rotated := d.siblingNames(p.folder, p.real.Name())
	if len(rotated) > 0 {
		c.note("file-missing", fmt.Sprintf("%s does not exist now, but %s of it in its folder.", p.log, count(len(rotated), "rotated file is", "rotated files are")),
			"Wait: it is missing during a rotation, and with logrotate's nocreate until the next line is written. Otherwise start the program that writes it.")
		return
	}
	c.problem("file-missing", fmt.Sprintf("%s does not exist.", p.log),
		"Check the path"+d.like(p.folder.String(), p.log.Name())+", or start the program that writes it. With wait=1 (livetail tail --wait) viewers wait for it.")
}

// like proposes names in a folder that look like one that does not exist.
func (d *Doctor) like(folder, name string) string {
	p, err := d.Guard.Resolve(folder)
	if err != nil {
		return ""
	}
	entries, _ := d.Guard.ReadDir(p, func(n string) bool { return n[0] != '.' && distance(n, name) <= max(2, len(name)/4) })
	slices.SortFunc(entries, func(a, b fs.DirEntry) int {
		return cmp.Or(cmp.Compare(distance(a.Name(), name), distance(b.Name(), name)), strings.Compare(a.Name(), b.Name()))
	})
	var names []string
	for _, e := range entries[:min(len(entries), 3)] {
		names = append(names, e.Name())
	}
	if len(names) == 0 {
		return ""
	}
	return " (there is " + strings.Join(names, ", ") + ")"
}

// list returns some regular files of a folder.
func (d *Doctor) list(p guard.Path, most int) []string {
	entries, _ := d.Guard.ReadDir(p, func(n string) bool { return n[0] != '.' })
	var names []string
	for _, e := range entries {
		if e.Type().IsRegular() {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return names[:min(len(names), most)]
}

// siblingNames returns the names of rotated files of base in a folder.
func (d *Doctor) siblingNames(folder guard.Path, base string) []string {
	entries, _ := d.Guard.ReadDir(folder, func(n string) bool { return family.Sibling(base, n) })
	var names []string
	for _, e := range entries {
		if e.Type().IsRegular() {
			names = append(names, e.Name())
		}
	}
	return names
}

// roots examines all roots.
func (d *Doctor) roots(ctx context.Context, c *chart) {
	for _, root := range d.Guard.Roots() {
		info, err := os.Stat(root)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			c.problem("root-missing", fmt.Sprintf("The root %s does not exist.", root),
				"Make it, mount it, or name another root; in a container, mount the folder of the logs there.")
		case errors.Is(err, fs.ErrPermission):
			c.problem("root-unreachable", fmt.Sprintf("The root %s cannot be reached: %s.", root, d.barrier(root)),
				"Give that user the right to enter each folder above the root (mode x), or run livetail as another one.")
		case err != nil:
			c.problem("root-unreachable", fmt.Sprintf("The root %s cannot be examined: %v.", root, cause(err)), "Look at the disk and the messages of the system (dmesg).")
		case info.IsDir():
			d.rootFolder(ctx, c, root, info)
		default:
			c.ok("root", "The root %s is a file; it and its rotated files may be followed.", root)
		}
	}
}

func (d *Doctor) rootFolder(ctx context.Context, c *chart, root string, info fs.FileInfo) {
	p, err := d.Guard.Resolve(root)
	if err == nil {
		_, err = d.Guard.ReadDir(p, nil)
	}
	if errors.Is(err, fs.ErrPermission) {
		c.problem("root-unreadable", fmt.Sprintf("The root %s%s may not be listed by %s.", root, owned(info), self()), d.allow(p, info, "rx"))
		return
	}
	const most = 10_000
	files, readable := 0, 0
	for e, err := range d.Guard.Walk(ctx, root) {
		if err != nil || files == most {
			break
		}
		files++
		if f, err := d.Guard.Open(e.Path); err == nil {
			_ = f.Close()
			readable++
		}
	}
	switch {
	case files == 0:
		c.note("root-empty", fmt.Sprintf("Below the root %s is no file that %s can see.", root, self()),
			"Start the programs that write logs there, name another root, or look at the permissions of its folders.")
	case readable < files:
		c.note("root", fmt.Sprintf("Below the root %s, %d of %d files can be read by %s.", root, readable, files, self()),
			"Ask about one of the others: livetail doctor FILE.")
	default:
		c.ok("root", "Below the root %s, all of %d files can be read.", root, files)
	}
}
