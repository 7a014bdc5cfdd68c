package doctor

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/livetail/livetail/plugin/internal/family"
	"github.com/livetail/livetail/plugin/internal/guard"
)

// sibling is a rotated file beside the log.
type sibling struct {
	family.Candidate
	size int64
}

// rotation says how the log is rotated, from the names of the rotated files and from logrotate's settings.
func (d *Doctor) rotation(ctx context.Context, c *chart, p *patient) {
	d.findSiblings(ctx, p)
	rules := d.logrotate(p)
	d.describeSiblings(c, p)
	copies := d.copyTruncated(p)
	for _, r := range rules {
		d.describeRule(c, p, r)
		copies = copies || r.has("copytruncate")
	}
	if copies {
		c.note("copytruncate", fmt.Sprintf("%s is rotated by copying and emptying it (copytruncate): what is written in between is lost, for every program that reads it.", p.real.Name()),
			"Rotate by renaming where the program can open its log anew: logrotate's create with a postrotate, instead of copytruncate.")
	}
	if len(p.siblings) == 0 && len(rules) == 0 {
		c.ok("rotation", "There is no rotated file beside it, and logrotate has no rule for it.")
	}
}

// findSiblings looks at the rotated files in the folder, and in that of old files.
func (d *Doctor) findSiblings(ctx context.Context, p *patient) {
	found, inferred := d.siblingsIn(ctx, p, p.folder)
	p.inferred = inferred
	if old, err := d.Guard.OldFolder(p.real, d.OldFolders.Of(p.log.String())); err == nil && !old.IsZero() {
		there, inferred := d.siblingsIn(ctx, p, old)
		p.inferred = p.inferred || inferred || len(found) > 0 && len(there) > 0
		found = append(there, found...)
	}
	p.siblings = found
}

func (d *Doctor) siblingsIn(ctx context.Context, p *patient, folder guard.Path) (out []sibling, inferred bool) {
	base := p.real.Name()
	entries, _ := d.Guard.ReadDir(folder, func(n string) bool { return family.Sibling(base, n) })
	sizes := make(map[string]int64)
	var found []family.Candidate
	for _, e := range entries {
		q, err := d.Guard.Join(folder, e.Name())
		if err != nil || ctx.Err() != nil {
			continue
		}
		f, err := d.Guard.Open(q)
		if err != nil {
			continue
		}
		m, _ := family.Parse(base, e.Name())
		one := family.Candidate{Member: m}
		var info fs.FileInfo
		if info, err = f.Stat(); err == nil {
			one.Modified = info.ModTime()
			sizes[m.Name] = info.Size()
			one.Born, _ = birth(int(f.Fd()))
			found = append(found, one)
		}
		_ = f.Close()
	}
	found, inferred = family.Order(found)
	for _, one := range found {
		out = append(out, sibling{one, sizes[one.Name]})
	}
	return out, inferred
}

func (d *Doctor) describeSiblings(c *chart, p *patient) {
	n := len(p.siblings)
	if n == 0 {
		return
	}
	var total int64
	packers := map[string]bool{}
	for _, s := range p.siblings {
		total += s.size
		if s.Packed != "" {
			packers[s.Packed] = true
		}
	}
	newest, oldest := p.siblings[n-1], p.siblings[0]
	what := fmt.Sprintf("Rotated by %s: %s, %s in all, from %s to %s", maker(newest.Member), count(n, "file", "files"), bytesText(total), oldest.Name, newest.Name)
	if n == 1 {
		what = fmt.Sprintf("Rotated by %s: %s, %s", maker(newest.Member), newest.Name, bytesText(total))
	}
	delete(packers, ".gz")
	switch {
	case len(packers) > 0:
		names := slices.Sorted(keys(packers))
		c.note("rotation", what+".", "History ends at files with the ending "+strings.Join(names, ", ")+": only gzip is read. Compress with gzip, or keep more plain files.")
	case p.inferred:
		c.note("rotation", what+"; names and times do not tell their order for certain.", "Boundaries between them say so. Names with a time in UTC, or dateext with %s, would tell.")
	default:
		c.ok("rotation", "%s.", what)
	}
}

func keys(m map[string]bool) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// maker guesses which rotator gives such names.
func maker(m family.Member) string {
	switch {
	case strings.HasPrefix(m.Plain, "@"):
		return "multilog"
	case strings.HasSuffix(m.Plain, ".backup"):
		return "logrotate (a name of last resort: the one that it wanted was taken)"
	case m.Scheme == family.Numbered && m.Weak:
		return "something that counts"
	case m.Scheme == family.Numbered:
		return "logrotate, Python, or something else that counts"
	}
	stamp := m.Stamp
	switch {
	case strings.Contains(m.Plain, stamp.Format("2006-01-02T15-04-05.000")):
		return "lumberjack"
	case strings.Contains(m.Plain, stamp.Format("2006-01-02_15-04-05_")):
		return "loguru"
	case strings.Contains(m.Plain, stamp.Format("20060102-150405")):
		return "the kubelet, or something else with such names"
	case strings.Contains(m.Plain, "-"+stamp.Format("20060102")):
		return "logrotate with dateext"
	}
	return "something that puts the time into the name"
}

// copyTruncated reports whether the rotated files look like copies of the live one: a file that was renamed is older than its successor.
// A compressed file says nothing, nor does one that was made in the same moment.
func (d *Doctor) copyTruncated(p *patient) bool {
	if cond, ok := d.Engine.Condition(p.log); ok && cond.Emptied > 0 {
		return true
	}
	if p.file == nil {
		return false
	}
	live, ok := birth(int(p.file.Fd()))
	if !ok {
		return false
	}
	return slices.ContainsFunc(p.siblings, func(s sibling) bool {
		// renamecopy makes its copy after the new file, too, but at once.
		return s.Packed == "" && !s.Born.IsZero() && s.Born.Sub(live) > time.Minute
	})
}
