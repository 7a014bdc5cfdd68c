package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/livetail/livetail/plugin/tail"
)

// roleKey makes this test binary the program itself.
const roleKey = "LIVETAIL_TEST_ROLE"

func TestMain(m *testing.M) {
	if os.Getenv(roleKey) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

func self(t *testing.T) (path string, env []string) {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path, []string{roleKey + "=program", "GORACE=atexit_sleep_ms=0"}
}

func TestRun_ByHand(t *testing.T) {
	for _, tt := range []struct {
		name           string
		args           []string
		code           int
		stdout, stderr string
	}{
		{"nothing", nil, 2, "", "this is a plugin that livetail starts"},
		{"help", []string{"--help"}, 0, "--names", ""},
		{"version", []string{"--version"}, 0, "livetail-docker ", ""},
		{"unknown flag", []string{"--frob"}, 2, "", "--frob"},
		{"two folders", []string{"a", "b"}, 2, "", "one folder"},
		{"negative value", []string{"--names=-1s"}, 2, "", "negative"},
		{"bad level", []string{"--log-level", "loud"}, 2, "", `"loud"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path, env := self(t)
			cmd := exec.Command(path, tt.args...)
			cmd.Env = env
			var stdout, stderr bytes.Buffer
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			_ = cmd.Run()
			if code := cmd.ProcessState.ExitCode(); code != tt.code || !strings.Contains(stdout.String(), tt.stdout) || !strings.Contains(stderr.String(), tt.stderr) {
				t.Errorf("exit code %d, %q, %q", code, stdout.String(), stderr.String())
			}
		})
	}
}

func TestRun_AsPlugin_FollowsAContainer(t *testing.T) {
	dir, id := t.TempDir(), strings.Repeat("a", 64)
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, id, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, id), 0o700); err != nil {
		t.Fatal(err)
	}
	write("config.v2.json", `{"ID":"`+id+`","Name":"/web"}`)
	write(id+"-json.log", `{"log":"one\n","stream":"stdout","time":"2026-01-31T12:00:00.1Z"}`+"\n"+`{"log":"two\n","stream":"stderr","time":"2026-01-31T12:00:00.2Z"}`+"\n")
	path, env := self(t)
	p, err := tail.Launch(t.Context(), tail.LaunchOptions{Path: path, Env: env, Args: []string{dir}, StartTimeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	var text string
	for e, err := range p.Follow(t.Context(), tail.FollowRequest{Log: "/web", Start: tail.StartAtLastLines(1)}) {
		if err != nil {
			t.Fatal(err)
		}
		if l, ok := e.(tail.Lines); ok {
			text += string(l.Text)
		}
	}
	if text != "two\n" {
		t.Errorf("got %q", text)
	}
}
