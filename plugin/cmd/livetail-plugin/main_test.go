package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

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

func self(t testing.TB) (path string, env []string) {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path, []string{roleKey + "=program", "GORACE=atexit_sleep_ms=0"}
}

func TestRun_ByHand(t *testing.T) {
	dir := t.TempDir()
	for _, tt := range []struct {
		name           string
		args           []string
		code           int
		stdout, stderr string
	}{
		{"nothing", nil, 2, "", "this is a plugin that livetail starts"},
		{"roots", []string{dir}, 2, "", "livetail serve --plugin"},
		{"help", []string{"--help"}, 0, "--max-held-bytes", ""},
		{"version", []string{"--version"}, 0, "livetail-plugin ", ""},
		{"unknown flag", []string{"--frob", dir}, 2, "", "--frob"},
		{"bad value", []string{"--poll", "soon", dir}, 2, "", "--poll"},
		{"negative value", []string{"--max-logs=-1", dir}, 2, "", "negative"},
		{"bad level", []string{"--log-level", "loud", dir}, 2, "", `"loud"`},
		{"root that is no path", []string{""}, 2, "", "is not a path"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path, env := self(t)
			cmd := exec.Command(path, tt.args...)
			cmd.Env = env
			var stdout, stderr bytes.Buffer
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			err := cmd.Run()
			if code := cmd.ProcessState.ExitCode(); code != tt.code {
				t.Errorf("exit code %d, %v; want %d", code, err, tt.code)
			}
			if !strings.Contains(stdout.String(), tt.stdout) || (tt.stdout == "") != (stdout.Len() == 0) {
				t.Errorf("stdout %q", stdout.String())
			}
			if !strings.Contains(stderr.String(), tt.stderr) || tt.code != 0 && strings.Count(stderr.String(), "\n") != 1 {
				t.Errorf("stderr %q, want one sentence with %q", stderr.String(), tt.stderr)
			}
		})
	}
}

func TestRun_AsPlugin_FollowsAFileAndLogsJSON(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(dir, "app.log")
	if err := os.WriteFile(log, []byte("one\ntwo\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	path, env := self(t)
	var stderr bytes.Buffer
	p, err := tail.Launch(t.Context(), tail.LaunchOptions{
		Path: path, Env: env, Args: []string{"--poll", "50ms", dir, dir + "/later"}, Stderr: &stderr,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	var text []byte
	for e, err := range p.Follow(t.Context(), tail.FollowRequest{Log: log, Start: tail.StartAtLastLines(1)}) {
		if err != nil {
			t.Fatal(err)
		}
		if l, ok := e.(tail.Lines); ok {
			text = append(text, l.Text...)
		}
	}
	if string(text) != "two\n" {
		t.Errorf("got %q", text)
	}
	p.Close()
	if got := stderr.String(); !strings.HasPrefix(got, "{") || !strings.Contains(got, `"level":"warning"`) || !strings.Contains(got, "/later does not exist yet") {
		t.Errorf("stderr %q", got)
	}
}
