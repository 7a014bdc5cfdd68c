package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/livetail/livetail/plugin/tail"
	"github.com/livetail/livetail/plugin/tail/tailtest"
)

// file is a log that is a file, as its writer and rotator see it.
type file struct {
	t       *testing.T
	path    string
	rotated int
}

func (f *file) Name() string      { return f.path }
func (f *file) Forbidden() string { return filepath.Dir(filepath.Dir(f.path)) + "/elsewhere/app.log" }

func (f *file) Append(text string) {
	w, err := os.OpenFile(f.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err == nil {
		_, err = w.WriteString(text)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		f.t.Error(err)
	}
}

// Rotate does what lumberjack does.
func (f *file) Rotate() {
	f.rotated++
	to := fmt.Sprintf("%s-2026-11-23T07-00-00.%03d.log", f.path[:len(f.path)-len(".log")], f.rotated)
	if err := os.Rename(f.path, to); err != nil {
		f.t.Error(err)
	}
	f.Append("")
}

func (f *file) Truncate() {
	if err := os.Truncate(f.path, 0); err != nil {
		f.t.Error(err)
	}
}

// The program as a process, on real files, through the whole of what is between it and a host.
func TestProgram_KeepsTheContract(t *testing.T) {
	tailtest.Run(t, func(t *testing.T) (tail.Tailer, tailtest.Log) {
		dir := filepath.Join(t.TempDir(), "logs")
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		path, env := self(t)
		p, err := tail.Launch(t.Context(), tail.LaunchOptions{Path: path, Env: env, Args: []string{dir}, StartTimeout: time.Minute}) // Of a machine under load.
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.Close)
		return p, &file{t: t, path: dir + "/app.log"}
	})
}
