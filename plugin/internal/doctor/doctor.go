// Package doctor answers why a log shows what it shows, or nothing, and what to do about it.
//
// It examines what the tail engine depends on, from the outside in: the path and its folders, links, permissions, mounts and file systems,
// events of the system and their limits; then the file, who writes it, how it is rotated, and what the engine has seen. Each fact is a
// [tail.Finding]. It opens nothing for writing, starts no goroutine, and asks the guard for everything that lies below the roots, so it
// says no more about what is not allowed than following does.
package doctor

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/livetail/livetail/plugin/internal/encoding"
	"github.com/livetail/livetail/plugin/internal/guard"
	"github.com/livetail/livetail/plugin/internal/perlog"
	"github.com/livetail/livetail/plugin/tail"
)

// Engine is what the doctor asks the tail engine.
type Engine interface {
	// EventsError says why the engine has no events of the system; nil if it has them.
	EventsError() error
	// ProbeEvents tries to watch a folder as following would, and says why that does not work.
	ProbeEvents(folder guard.Path) error
	// Poll is how often files are looked at without being told.
	Poll() time.Duration
	// Condition says how it goes with a log that is followed now; false if it is not.
	Condition(log guard.Path) (Condition, bool)
}

// Condition is what the engine knows about a log that it follows.
type Condition struct {
	// Readers follow it now.
	Readers int
	// Held is how many generations are held open, and Deleted how many bytes of deleted files that keeps from being freed.
	Held    int
	Deleted int64
	// Emptied is how many times the file was emptied or rewritten in place, of those generations that are remembered.
	Emptied int
	// Lost is how many generations were destroyed before they could be opened, likewise.
	Lost int
}

// Doctor examines logs. It is safe for concurrent use.
type Doctor struct {
	// Guard and Engine are those of the tailer.
	Guard  *guard.Guard
	Engine Engine
	// Encodings are those that the tailer was told for files without a byte order mark.
	Encodings perlog.Rules[encoding.Encoding]
	// OldFolders are those that the tailer was told for rotated files.
	OldFolders perlog.Rules[string]

	// Proc and Etc stand in for /proc and /etc; empty: those.
	Proc, Etc string
}

// Examine reports on the tailer and its surroundings.
func (d *Doctor) Examine(ctx context.Context) (tail.Report, error) {
	c := &chart{}
	d.roots(ctx, c)
	d.events(c, guard.Path{})
	d.limits(c)
	return c.report(), ctx.Err()
}

// Diagnose reports on one log, which the guard allows. The error is that of ctx.
func (d *Doctor) Diagnose(ctx context.Context, log guard.Path) (tail.Report, error) {
	c := &chart{}
	p := d.path(c, log)
	if p.folderReadable && !p.other {
		d.surroundings(ctx, c, p)
	}
	if p.file != nil {
		defer p.file.Close()
		d.content(c, p)
		d.writers(ctx, c, p)
	}
	d.condition(c, p)
	return c.report(), ctx.Err()
}

// surroundings examines the folder of the log, which exists.
func (d *Doctor) surroundings(ctx context.Context, c *chart, p *patient) {
	d.mount(c, p)
	d.events(c, p.folder)
	d.limits(c)
	d.rotation(ctx, c, p)
}

// chart collects findings.
type chart struct{ findings []tail.Finding }

func (c *chart) ok(id, what string, a ...any) { c.add(id, tail.FindingOK, fmt.Sprintf(what, a...), "") }

func (c *chart) note(id, what, do string) { c.add(id, tail.FindingNote, what, do) }

func (c *chart) problem(id, what, do string) { c.add(id, tail.FindingProblem, what, do) }

func (c *chart) add(id string, level tail.FindingLevel, what, do string) {
	if len(c.findings) < tail.MaxFindings {
		c.findings = append(c.findings, tail.Finding{ID: id, Level: level, What: cut(what), Do: cut(do)})
	}
}

func (c *chart) report() tail.Report { return tail.Report{Findings: c.findings} }

// cut keeps a sentence to the limit of the contract, and names of files from speaking to terminals; only names and lists can make one too
// long.
func cut(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
	if len(s) <= tail.MaxFindingText {
		return s
	}
	return strings.ToValidUTF8(s[:tail.MaxFindingText-len("…")], "") + "…"
}

func (d *Doctor) proc(name string) string { return or(d.Proc, "/proc") + name }

func (d *Doctor) etc(name string) string { return or(d.Etc, "/etc") + name }

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
