package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/livetail/livetail/plugin/tail"
)

// How fast a log comes through the process border: from the page cache, through the plugin as a process, to the host's side.
func BenchmarkFollow_ThroughTheProcess(b *testing.B) {
	const size = 64 << 20
	dir := b.TempDir()
	log := filepath.Join(dir, "app.log")
	line := append(bytes.Repeat([]byte("0123456789 "), 11), '\n')
	if err := os.WriteFile(log, bytes.Repeat(line, size/len(line)), 0o644); err != nil {
		b.Fatal(err)
	}
	path, env := self(b)
	p, err := tail.Launch(b.Context(), tail.LaunchOptions{Path: path, Env: env, Args: []string{dir}, Stderr: os.Stderr})
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	b.SetBytes(int64(size / len(line) * len(line)))
	for b.Loop() {
		got := 0
		for e, err := range p.Follow(b.Context(), tail.FollowRequest{Log: log, Start: tail.StartAtBeginning()}) {
			if err != nil {
				b.Fatal(err)
			}
			if l, ok := e.(tail.Lines); ok {
				got += len(l.Text)
			}
		}
		if got != size/len(line)*len(line) {
			b.Fatalf("%d bytes came", got)
		}
	}
}
