package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/livetail/livetail/plugin/tail"
)

// The plugin is killed while a reader is in the middle of a chain of rotations, and files go while nobody looks.
func TestProgram_KilledInMidChain_GoesOnAtThePositionAndDeclaresWhatIsGone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "logs")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	path, env := self(t)
	log := &file{t: t, path: dir + "/app.log"}
	launch := func() *tail.Process {
		p, err := tail.Launch(t.Context(), tail.LaunchOptions{Path: path, Env: env, Args: []string{"--poll", "20ms", dir}, StartTimeout: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.Close)
		return p
	}
	p := launch()
	log.Append("line 0\n")
	var got []string
	var at tail.Position
	var gaps []tail.Gap
	// follow reads until the line want, and then kills the plugin if it is to.
	follow := func(want string, kill bool) {
		t.Helper()
		req := tail.FollowRequest{Log: log.path, Start: tail.StartAtPosition(at), Follow: true}
		if at.IsZero() {
			req.Start = tail.StartAtBeginning()
		}
		dead := false
		for e, err := range p.Follow(t.Context(), req) {
			if err != nil {
				if !dead || !errors.Is(err, tail.ErrPluginGone) {
					t.Fatalf("%v; read %q", err, got)
				}
				return
			}
			if dead {
				continue // What was under way is not counted: the position was not moved on.
			}
			switch e := e.(type) {
			case tail.Lines:
				got = append(got, strings.Fields(strings.ReplaceAll(string(e.Text), "line ", ""))...)
				at = e.End
			case tail.Boundary:
				at = e.To
			case tail.Gap:
				gaps = append(gaps, e)
				if !e.Before.IsZero() {
					at = e.Before
				}
			}
			if len(got) == 0 || got[len(got)-1] != want {
				continue
			}
			if !kill {
				return
			}
			dead = true
			process, err := os.FindProcess(p.Pid())
			if err == nil {
				err = process.Kill()
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	follow("0", true)
	for i := 1; i <= 3; i++ {
		log.Rotate()
		log.Append(fmt.Sprintf("line %d\n", i))
	}
	p = launch()
	follow("1", true) // In the middle of the chain.
	// The generation of the position goes, and the one after it.
	for n := 2; n <= 3; n++ {
		if err := os.Remove(fmt.Sprintf("%s-2026-11-23T07-00-00.%03d.log", strings.TrimSuffix(log.path, ".log"), n)); err != nil {
			t.Fatal(err)
		}
	}
	p = launch()
	follow("3", false)
	if want := "0 1 3"; strings.Join(got, " ") != want {
		t.Errorf("read %q, want %q", got, want)
	}
	if len(gaps) != 1 || gaps[0].Cause != tail.CauseDown {
		t.Errorf("gaps are %+v, want one of the cause down", gaps)
	}
}
