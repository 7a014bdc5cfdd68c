package metrics

import (
	"context"
	"fmt"
	"testing"

	"github.com/livetail/livetail/plugin/tail"
)

// rooted is a script whose roots are known.
type rooted struct {
	script
	roots []string
}

func (r rooted) Info(context.Context) (tail.Info, error) { return tail.Info{Roots: r.roots}, nil }

func TestTailer_CountsBySourceOfTheSettings(t *testing.T) {
	m := New(Build{})
	events := []tail.Event{
		tail.Lines{Text: []byte("a\nb\n")}, tail.Lines{Text: []byte("long"), Piece: tail.PieceFirst}, tail.Boundary{How: tail.HowDeleted, Order: tail.OrderInferred}, tail.Truncated{},
	}
	roots := []string{"/var/log", "/var/log/deep", "/srv/one.log", "relative"}
	for i := range 3 * maxSources {
		roots = append(roots, fmt.Sprintf("/many/%d", i))
	}
	x := m.Tailer("/docker", rooted{script{events: events, err: tail.ErrUnreadable}, roots})
	for _, log := range []string{"/var/log/app.log", "/var/log/deep/er/app.log", "/srv/one.log", "/srv/one.log.1", "/elsewhere", "/many/250/x", ""} {
		for range x.Follow(t.Context(), tail.FollowRequest{Log: log}) {
		}
	}
	for series, want := range map[string]string{
		`livetail_source_read_lines_total{source="/docker/var/log"}`:                                  "3",
		`livetail_source_read_lines_total{source="/docker/var/log/deep"}`:                             "3",
		`livetail_source_read_bytes_total{source="/docker/srv/one.log"}`:                              "8",
		`livetail_source_read_lines_total{source="other"}`:                                            "12",
		`livetail_source_long_lines_total{source="/docker/var/log"}`:                                  "1",
		`livetail_source_rotations_total{kind="deleted",order="inferred",source="/docker/var/log"}`:   "1",
		`livetail_source_rotations_total{kind="truncated",order="observed",source="/docker/var/log"}`: "1",
		`livetail_source_errors_total{reason="unreadable",source="/docker/var/log"}`:                  "1",
		`livetail_sources`: fmt.Sprint(maxSources),
	} {
		if got := value(t, m, series); got != want {
			t.Errorf("%s: got %s, want %s", series, got, want)
		}
	}
	top := New(Build{})
	for range top.Tailer("/", rooted{script{events: events}, []string{"/"}}).Follow(t.Context(), tail.FollowRequest{Log: "/a"}) {
	}
	if got := value(t, top, `livetail_source_read_lines_total{source="/"}`); got != "3" {
		t.Errorf("of the root: %s", got)
	}
}
