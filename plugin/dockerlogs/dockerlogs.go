// Package dockerlogs follows the logs of containers where Docker's default driver, json-file, keeps them: one file for each container, which the
// daemon rotates, with one JSON object for each line that the container wrote. A log is called after its container, /web, and its lines are
// what the container wrote.
//
// The files are followed by package filetail, through every rotation. This package finds them, takes the lines out of the objects, and
// puts lines together that the daemon has cut into entries of 16 KiB. Positions are those of the files; each stands between two entries,
// so they survive rotation, compression and restarts like any other.
package dockerlogs

import (
	"context"
	"iter"
	"strings"
	"time"

	"github.com/livetail/livetail/plugin/filetail"
	"github.com/livetail/livetail/plugin/tail"
	"github.com/livetail/livetail/plugin/tail/heartbeat"
)

// DefaultDir is where Docker keeps its containers unless it is told otherwise.
const DefaultDir = "/var/lib/docker/containers"

// Config says what a [Tailer] reads and how. Zero values stand for defaults.
type Config struct {
	// Dir is the folder of containers; default [DefaultDir].
	Dir string
	// Version is the version that Info reports.
	Version string
	// Poll is how often files are looked at without being told; default 250 ms.
	Poll time.Duration
	// NoEvents does without events of the system.
	NoEvents bool
	// Names is how often it is looked whether a container of the same name has taken the place of one that is followed, and whether one that
	// is waited for exists; default 1 s.
	Names time.Duration
}

// Tailer follows the logs of containers. Make one with [New].
type Tailer struct {
	tail.Unimplemented

	version string
	dir     string
	names   time.Duration
	files   *filetail.Tailer
}

var (
	_ tail.Tailer = (*Tailer)(nil)
	_ tail.Meter  = (*Tailer)(nil)
)

// New returns a tailer. The caller closes it.
func New(cfg Config) (*Tailer, error) {
	if cfg.Dir == "" {
		cfg.Dir = DefaultDir
	}
	if cfg.Names <= 0 {
		cfg.Names = time.Second
	}
	files, err := filetail.New(filetail.Config{Roots: []string{cfg.Dir}, Version: cfg.Version, Poll: cfg.Poll, NoEvents: cfg.NoEvents})
	if err != nil {
		return nil, err
	}
	return &Tailer{version: cfg.Version, dir: cfg.Dir, names: cfg.Names, files: files}, nil
}

// Close ends all calls under way and closes all files.
func (t *Tailer) Close() error { return t.files.Close() }

// Warnings says, one sentence each, what is probably not as meant.
func (t *Tailer) Warnings() []string { return t.files.Warnings() }

// Info implements [tail.Tailer].
func (t *Tailer) Info(context.Context) (tail.Info, error) {
	return tail.Info{
		Name: "dockerlogs", Version: t.version, Roots: []string{"/"},
		Capabilities: []string{tail.CapabilityFilter, tail.CapabilityHistory, tail.CapabilityTime, tail.CapabilityMetrics},
	}, nil
}

// Metrics implements [tail.Meter]: what happens to the files of containers. The label source is the folder of containers.
func (t *Tailer) Metrics(ctx context.Context) ([]tail.Metric, error) { return t.files.Metrics(ctx) }

// List implements [tail.Tailer].
func (t *Tailer) List(ctx context.Context, req tail.ListRequest) iter.Seq2[tail.Entry, error] {
	return func(yield func(tail.Entry, error) bool) {
		if err := ctx.Err(); err != nil {
			yield(tail.Entry{}, err)
			return
		}
		all, err := t.containers()
		if err != nil {
			yield(tail.Entry{}, err)
			return
		}
		n := 0
		for _, c := range all {
			if req.Prefix != "" && req.Prefix != "/" && c.name != strings.TrimSuffix(req.Prefix, "/") {
				continue
			}
			e, ok := t.entry(c)
			if !ok {
				continue
			}
			if !yield(e, nil) {
				return
			}
			if n++; req.Limit > 0 && n >= req.Limit {
				return
			}
		}
	}
}

// Heartbeat implements [tail.Tailer].
func (t *Tailer) Heartbeat(ctx context.Context, in iter.Seq[tail.Beat]) iter.Seq2[tail.Order, error] {
	return heartbeat.Run(ctx, in, heartbeat.Defaults{})
}
