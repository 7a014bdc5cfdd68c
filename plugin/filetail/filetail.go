// Package filetail is the built-in tailer: it follows log files on this machine, across any rotation, for any number of readers.
//
// The work is done in plugin/internal: which paths may be opened is decided by guard, files are followed by follow, sessions are
// watched by heartbeat. This package ties them together behind the contract, [tail.Tailer].
package filetail

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/livetail/livetail/plugin/internal/doctor"
	"github.com/livetail/livetail/plugin/internal/encoding"
	"github.com/livetail/livetail/plugin/internal/family"
	"github.com/livetail/livetail/plugin/internal/follow"
	"github.com/livetail/livetail/plugin/internal/guard"
	"github.com/livetail/livetail/plugin/internal/linetime"
	"github.com/livetail/livetail/plugin/internal/perlog"
	"github.com/livetail/livetail/plugin/tail"
	"github.com/livetail/livetail/plugin/tail/heartbeat"
)

// Config says what a [Tailer] may read and how. Zero values stand for defaults.
type Config struct {
	// Roots are the folders below which every regular file may be read, and files that may be read together with their rotated
	// siblings. At least one is needed.
	Roots []string
	// Version is the version that Info reports.
	Version string
	// Poll is how often a followed path is looked at without being told; default 250 ms. Where the system gives events, it is looked
	// at four times more rarely, and down to 64 times while nothing happens for minutes.
	Poll time.Duration
	// NoEvents does without events of the system, as on network file systems: everything is found by looking.
	NoEvents bool
	// HeartbeatInterval and HeartbeatTimeout are the time between pings and the time to answer one, for sessions that do not say;
	// default 10 s and 5 s.
	HeartbeatInterval, HeartbeatTimeout time.Duration
	// Encodings are those of files without a byte order mark: utf-8 (the default), utf-16le, utf-16be, gbk or gb18030. Each entry is a
	// name, for all logs, or PATTERN=NAME, for some of them: a path with *, ? and […] as in a shell, or that of a folder with a slash at
	// its end. The first pattern that fits decides. Lines are delivered as UTF-8.
	Encodings []string
	// Zones are the time zones of lines whose time names none: local (the default: that of this process), utc, a name such as Europe/Berlin, or
	// an offset such as +05:30. Entries are as those of Encodings.
	Zones []string
	// OldFolders are those to which rotated files are moved, as logrotate does with olddir, absolute or as seen from the folder of the log; they have to
	// lie in the roots, too. Entries are as those of Encodings; without any, rotated files are looked for beside the log alone.
	OldFolders []string
	// Linger is how long a rotated file is held open after the last reader left it; default 60 s.
	Linger time.Duration
	// MaxLogs is how many paths may be followed at a time; default 10,000.
	MaxLogs int
	// MaxHeld is how many generations of one log are held open; default 256.
	MaxHeld int
	// MaxHeldBytes is how many bytes of deleted files one log keeps from being freed; default 1 GiB.
	MaxHeldBytes int64
}

// Tailer follows files. Make one with [New].
type Tailer struct {
	version string
	guard   *guard.Guard
	engine  *follow.Engine
	beats   heartbeat.Defaults
	doctor  *doctor.Doctor
	visits  chan struct{} // holds one for each diagnosis under way
}

var _ tail.Tailer = (*Tailer)(nil)

// New returns a tailer. The caller closes it.
func New(cfg Config) (*Tailer, error) {
	g, err := guard.New(cfg.Roots, guard.Options{Sibling: family.Sibling})
	if err != nil {
		return nil, err
	}
	enc, err := perlog.Parse(cfg.Encodings, encoding.Parse)
	if err != nil {
		return nil, fmt.Errorf("encoding: %w", err)
	}
	zones, err := perlog.Parse(cfg.Zones, linetime.ParseZone)
	if err != nil {
		return nil, fmt.Errorf("time zone: %w", err)
	}
	old, err := perlog.Parse(cfg.OldFolders, parseFolder)
	if err != nil {
		return nil, fmt.Errorf("old folder: %w", err)
	}
	e, err := follow.New(follow.Options{
		Guard: g, Poll: cfg.Poll, NoEvents: cfg.NoEvents, Linger: cfg.Linger, Encodings: enc, Zones: zones, OldFolders: old,
		MaxLogs: cfg.MaxLogs, MaxHeld: cfg.MaxHeld, MaxHeldBytes: cfg.MaxHeldBytes,
	})
	if err != nil {
		return nil, err
	}
	beats := heartbeat.Defaults{Interval: cfg.HeartbeatInterval, Timeout: cfg.HeartbeatTimeout}
	return &Tailer{
		version: cfg.Version, guard: g, engine: e, beats: beats,
		doctor: &doctor.Doctor{Guard: g, Engine: patients{e}, Encodings: enc, OldFolders: old}, visits: make(chan struct{}, maxVisits),
	}, nil
}

// CheckEncodings says what is wrong with [Config].Encodings.
func CheckEncodings(encodings []string) error {
	_, err := perlog.Parse(encodings, encoding.Parse)
	return err
}

// CheckZones says what is wrong with [Config].Zones.
func CheckZones(zones []string) error {
	_, err := perlog.Parse(zones, linetime.ParseZone)
	return err
}

// ZoneNames returns what names the time zone of a log's lines whose time names none, by [Config].Zones: a name of the tz database, UTC, or an offset,
// such as +05:30.
func ZoneNames(zones []string) (func(log string) string, error) {
	rules, err := perlog.Parse(zones, linetime.ParseZone)
	if err != nil {
		return nil, err
	}
	return func(log string) string { return linetime.ZoneName(cmp.Or(rules.Of(log), time.Local)) }, nil
}

// CheckOldFolders says what is wrong with [Config].OldFolders.
func CheckOldFolders(folders []string) error {
	_, err := perlog.Parse(folders, parseFolder)
	return err
}

func parseFolder(name string) (string, error) {
	if name == "" || strings.ContainsRune(name, 0) {
		return "", fmt.Errorf("%q is no folder", name)
	}
	return name, nil
}

// Close ends all calls under way and closes all files.
func (t *Tailer) Close() error {
	t.engine.Close()
	return nil
}

// Warnings says, one sentence each, what about the roots is probably not as meant.
func (t *Tailer) Warnings() []string { return t.guard.Warnings() }

// Info implements [tail.Tailer].
func (t *Tailer) Info(context.Context) (tail.Info, error) {
	return tail.Info{Name: "filetail", Version: t.version, Roots: t.guard.Roots(), Capabilities: []string{
		tail.CapabilityFilter, tail.CapabilityHistory, tail.CapabilityScan, tail.CapabilityTime, tail.CapabilityDiagnose, tail.CapabilityMetrics,
	}}, nil
}

// List implements [tail.Tailer].
func (t *Tailer) List(ctx context.Context, req tail.ListRequest) iter.Seq2[tail.Entry, error] {
	return func(yield func(tail.Entry, error) bool) {
		n := 0
		for e, err := range t.guard.Walk(ctx, req.Prefix) {
			if err != nil {
				yield(tail.Entry{}, err)
				return
			}
			if !yield(tail.Entry{Log: e.Path.String(), Size: e.Info.Size(), Modified: e.Info.ModTime()}, nil) {
				return
			}
			if n++; req.Limit > 0 && n >= req.Limit {
				return
			}
		}
	}
}

// resolve is guard.Resolve, and refuses what lies behind a link that leads out of the roots in the same words as any other path outside of
// them: the engine would only say that there is no such file there.
func (t *Tailer) resolve(log string) (guard.Path, error) {
	path, err := t.guard.Resolve(log)
	if err != nil {
		return path, err
	}
	if _, err := t.guard.Lstat(path); errors.Is(err, tail.ErrNotAllowed) {
		return path, err
	}
	return path, nil
}

// Follow implements [tail.Tailer].
func (t *Tailer) Follow(ctx context.Context, req tail.FollowRequest) iter.Seq2[tail.Event, error] {
	path, err := t.resolve(req.Log)
	if err != nil {
		return func(yield func(tail.Event, error) bool) { yield(nil, err) }
	}
	return t.engine.Follow(ctx, path, req)
}

// Read implements [tail.Tailer].
func (t *Tailer) Read(ctx context.Context, req tail.ReadRequest) (tail.Page, error) {
	path, err := t.resolve(req.Log)
	if err != nil {
		return tail.Page{}, err
	}
	return t.engine.Read(ctx, path, req)
}

// Scan implements [tail.Tailer].
func (t *Tailer) Scan(ctx context.Context, req tail.ScanRequest) iter.Seq2[tail.ScanReport, error] {
	path, err := t.guard.Resolve(req.Log)
	if err != nil {
		return func(yield func(tail.ScanReport, error) bool) { yield(tail.ScanReport{}, err) }
	}
	return t.engine.Scan(ctx, path, req)
}
