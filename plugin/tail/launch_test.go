package tail_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/livetail/livetail/plugin/tail"

	tailpb "github.com/livetail/livetail/plugin/tail/tailpb/v1"
)

func TestLaunch_WhatIsNoPlugin_IsOneClearSentence(t *testing.T) {
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain")
	if err := os.WriteFile(plain, []byte("no program"), 0o644); err != nil {
		t.Fatal(err)
	}
	text := filepath.Join(dir, "text")
	if err := os.WriteFile(text, []byte("no program"), 0o755); err != nil {
		t.Fatal(err)
	}
	self := options("plugin").Path
	for _, tt := range []struct {
		name string
		opts tail.LaunchOptions
		want []string // what the sentence says
	}{
		{"not named", tail.LaunchOptions{}, []string{"no plugin is named"}},
		{"missing", tail.LaunchOptions{Path: dir + "/none"}, []string{"does not exist"}},
		{"in a folder that is a file", tail.LaunchOptions{Path: plain + "/x"}, []string{plain}},
		{"directory", tail.LaunchOptions{Path: dir}, []string{"is not a file"}},
		{"not executable", tail.LaunchOptions{Path: plain}, []string{"chmod +x"}},
		{"no program", tail.LaunchOptions{Path: text}, []string{"exec format error"}},
		{"long run directory", tail.LaunchOptions{Path: self, RunDir: "/" + strings.Repeat("x", 80)}, []string{"at most 65 bytes"}},
		{"missing run directory", tail.LaunchOptions{Path: self, RunDir: dir + "/none"}, []string{"run directory"}},
		{"wrong checksum", tail.LaunchOptions{Path: self, SHA256: strings.Repeat("0", 64)}, []string{"SHA-256", strings.Repeat("0", 64)}},
		{"another go-plugin program", options("other"), []string{"is it a livetail plugin?", "it said:"}},
		{"wrong version", options("version"), []string{"does not speak version 1"}},
		{"prints garbage", options("garbage"), []string{"did not answer like a livetail plugin"}},
		{"speaks another protocol", options("json"), []string{"did not answer like a livetail plugin"}},
		{"prints a megabyte", options("flood"), []string{"is it a livetail plugin?"}},
		{"never answers", options("mute"), []string{"did not answer in time"}},
		{"exits with an error", options("exit"), []string{"ended before it answered", "the configuration is missing"}},
		{"exits without a word", options("quiet"), []string{"ended before it answered"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.opts.StartTimeout = time.Minute // Of a machine under load.
			if tt.name == "never answers" {
				tt.opts.StartTimeout = 2 * time.Second
			}
			tt.opts.RunDir = cmp.Or(tt.opts.RunDir, runDir(t))
			begin := time.Now()
			p, err := tail.Launch(t.Context(), tt.opts)
			if err == nil {
				p.Close()
				t.Fatal("it was launched")
			}
			if took := time.Since(begin); took > 50*time.Second {
				t.Errorf("took %v", took)
			}
			if !strings.Contains(tt.name, "run directory") {
				tt.want = append(tt.want, tt.opts.Path)
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not say %q", err, want)
				}
			}
			if left, _ := os.ReadDir(tt.opts.RunDir); len(left) > 0 {
				t.Errorf("left in the run directory: %v, %v", left, err)
			}
			if strings.ContainsAny(err.Error(), "\n\x00\x1b") || len(err.Error()) > 2048 {
				t.Errorf("error is not one sentence: %.300q", err)
			}
		})
	}
}

// runDir returns an empty folder with a short path, for sockets.
func runDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "lt")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func TestLaunch_RightChecksum(t *testing.T) {
	opts := options("plugin")
	content, err := os.ReadFile(opts.Path)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(content)
	opts.SHA256 = strings.ToUpper(hex.EncodeToString(sum[:]))
	p, err := tail.Launch(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	p.Close()
}

func TestLaunch_CancelledWhileItStarts_EndsTheProcess(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	begin := time.Now()
	if _, err := tail.Launch(ctx, options("mute")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("err = %v", err)
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
}

func TestLaunch_NothingOfTheHostsEnvironmentReachesThePlugin(t *testing.T) {
	t.Setenv("LIVETAIL_SECRET", "hunter2")
	info, err := launch(t, "plugin").Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, kv := range info.Roots {
		key, _, _ := strings.Cut(kv, "=")
		// What go-plugin and the runtimes of Go and C need, and what was asked for.
		if !strings.HasPrefix(key, "PLUGIN_") && !slices.Contains([]string{roleKey, tail.Handshake.MagicCookieKey, "GORACE", "GOCOVERDIR"}, key) {
			t.Errorf("the plugin has %s", kv)
		}
	}
	if len(info.Roots) == 0 {
		t.Error("no environment at all: this test tests nothing")
	}
}

func TestLaunch_OtherLocalProcessesAreRefused(t *testing.T) {
	opts := options("plugin")
	opts.RunDir = runDir(t)
	p, err := tail.Launch(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	var socket string
	err = filepath.WalkDir(opts.RunDir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type()&fs.ModeSocket != 0 {
			socket = path
		}
		return err
	})
	if err != nil || socket == "" {
		t.Fatalf("no socket below the run directory: %v", err)
	}
	if st, err := os.Stat(filepath.Dir(socket)); err != nil || st.Mode().Perm()&0o077 != 0 {
		t.Errorf("folder of the socket: %v, %v; others may enter it", st.Mode(), err)
	}
	for name, creds := range map[string]credentials.TransportCredentials{
		"plain": insecure.NewCredentials(),
		"TLS":   credentials.NewTLS(&tls.Config{InsecureSkipVerify: true}),
	} {
		conn, err := grpc.NewClient("passthrough:///x", grpc.WithTransportCredentials(creds),
			grpc.WithContextDialer(func(context.Context, string) (net.Conn, error) { return net.Dial("unix", socket) }))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		_, err = tailpb.NewTailerServiceClient(conn).Info(ctx, &tailpb.InfoRequest{})
		if err == nil || ctx.Err() != nil {
			t.Errorf("%s: another dialer got %v", name, err)
		}
		cancel()
		_ = conn.Close()
	}
	if _, err := p.Info(t.Context()); err != nil {
		t.Errorf("the host itself: %v", err)
	}
}

// sink counts what a plugin writes.
type sink struct {
	mu sync.Mutex // guards n
	n  int
}

func (s *sink) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n += len(p)
	return len(p), nil
}

func TestProcess_HostileOutputHarmsNobody(t *testing.T) {
	opts, out := options("noisy"), &sink{}
	opts.Stderr = out
	p, err := tail.Launch(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if got := lines(t, p, "/logs/a.log"); got != "one\ntwo\nthree\n" {
		t.Errorf("got %q", got)
	}
	begin := time.Now()
	p.Close()
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("Close took %v", took)
	}
	out.mu.Lock()
	defer out.mu.Unlock()
	if out.n < 10<<20 {
		t.Errorf("%d bytes arrived", out.n)
	}
}

// lines returns all lines of a log.
func lines(t *testing.T, tailer tail.Tailer, log string) string {
	t.Helper()
	var text bytes.Buffer
	for e, err := range tailer.Follow(t.Context(), tail.FollowRequest{Log: log, Start: tail.StartAtBeginning()}) {
		if err != nil {
			t.Fatal(err)
		}
		if l, ok := e.(tail.Lines); ok {
			text.Write(l.Text)
		}
	}
	return text.String()
}

func TestProcess_KeepsTheContract(t *testing.T) {
	// The suite writes to the log, so the plugin's side is in this process; what TestContract_SurvivesTheWire leaves out, limits and
	// TLS, is what the other tests here are about.
	p := launch(t, "plugin")
	if got := lines(t, p, "/logs/a.log"); got != "one\ntwo\nthree\n" {
		t.Errorf("got %q", got)
	}
	for log, want := range map[string]error{"/logs/none": tail.ErrNotFound, "/forbidden/a": tail.ErrNotAllowed, "": tail.ErrBadRequest} {
		for _, err := range p.Follow(t.Context(), tail.FollowRequest{Log: log}) {
			if !errors.Is(err, want) {
				t.Errorf("%q: %v, want %v", log, err, want)
			}
		}
	}
}

func TestProcess_PanicInOneLog_OthersKeepFlowing(t *testing.T) {
	p := launch(t, "plugin")
	caught := make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		var last error
		for e, err := range p.Follow(ctx, tail.FollowRequest{Log: "/logs/a.log", Follow: true}) {
			if _, ok := e.(tail.CaughtUp); ok {
				close(caught)
			}
			last = err
		}
		done <- last
	}()
	<-caught
	for _, log := range []string{"/panic", "/panic-later"} {
		var last error
		for _, err := range p.Follow(t.Context(), tail.FollowRequest{Log: log}) {
			last = err
		}
		if last == nil || !strings.Contains(last.Error(), "a bug in one log") || errors.Is(last, tail.ErrPluginGone) {
			t.Errorf("%s: %v", log, last)
		}
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("the other log ended with %v", err)
	}
	if got := lines(t, p, "/logs/a.log"); got != "one\ntwo\nthree\n" {
		t.Errorf("afterwards: %q", got)
	}
}

func TestProcess_MessageOverTheLimit_IsAnErrorOfThatCallAlone(t *testing.T) {
	p := launch(t, "plugin")
	for log, most := range map[string]int{"/huge": 1 << 10, "/error": 5 << 10} {
		var last error
		for _, err := range p.Follow(t.Context(), tail.FollowRequest{Log: log}) {
			last = err
		}
		if last == nil || len(last.Error()) > most {
			t.Errorf("%s: %.200v", log, last)
		}
	}
	for _, err := range p.Follow(t.Context(), tail.FollowRequest{Log: strings.Repeat("x", 2<<20)}) {
		if err == nil {
			t.Error("a request of 2 MiB was taken")
		}
	}
	if got := lines(t, p, "/logs/a.log"); got != "one\ntwo\nthree\n" {
		t.Errorf("afterwards: %q", got)
	}
}

func TestProcess_Killed_CallsEndWithErrPluginGone(t *testing.T) {
	p := launch(t, "plugin")
	var last error
	for e, err := range p.Follow(t.Context(), tail.FollowRequest{Log: "/logs/a.log", Follow: true}) {
		if _, ok := e.(tail.CaughtUp); ok {
			p.Kill()
		}
		last = err
	}
	if !errors.Is(last, tail.ErrPluginGone) {
		t.Errorf("Follow ended with %v", last)
	}
	select {
	case <-p.Done():
	case <-time.After(10 * time.Second):
		t.Error("Done is not closed")
	}
	if _, err := p.Info(t.Context()); !errors.Is(err, tail.ErrPluginGone) {
		t.Errorf("Info afterwards: %v", err)
	}
}

func TestProcess_Close_WhileCallsAreUnderWay(t *testing.T) {
	p := launch(t, "plugin")
	var last error
	for e, err := range p.Follow(t.Context(), tail.FollowRequest{Log: "/logs/a.log", Follow: true}) {
		if _, ok := e.(tail.CaughtUp); ok {
			p.Close()
			p.Close()
		}
		last = err
	}
	if !errors.Is(last, tail.ErrPluginGone) {
		t.Errorf("Follow ended with %v", last)
	}
}

func TestProcess_Close_StoppedPluginAndItsChildren_WithinFiveSeconds(t *testing.T) {
	p := launch(t, "children")
	info, err := p.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(p.Pid(), syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	p.Close()
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("Close took %v", took)
	}
	for _, pid := range []string{strconv.Itoa(p.Pid()), info.Name} {
		waitGone(t, pid, 2*time.Second)
	}
}

func TestProcess_HostKilled_LeavesNothingBehind(t *testing.T) {
	opts := options("host")
	host := exec.Command(opts.Path)
	host.Env = append(opts.Env, "TMPDIR="+runDir(t)) // Nobody removes the folder of the socket.
	host.Stderr = os.Stderr
	out, err := host.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := host.Start(); err != nil {
		t.Fatal(err)
	}
	var plugin, child string
	if _, err := fmt.Fscan(out, &plugin, &child); err != nil {
		t.Fatal(err)
	}
	if err := host.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = host.Wait()
	for _, pid := range []string{plugin, child} {
		waitGone(t, pid, 2*time.Second)
	}
}

// waitGone waits until a process has ended; one that nobody has waited for has ended, too.
func waitGone(t *testing.T, pid string, within time.Duration) {
	t.Helper()
	for end := time.Now().Add(within); ; time.Sleep(10 * time.Millisecond) { // A poll with a deadline.
		stat, err := os.ReadFile("/proc/" + pid + "/stat")
		if i := bytes.LastIndexByte(stat, ')'); err != nil || bytes.HasPrefix(stat[i+1:], []byte(" Z")) {
			return
		}
		if time.Now().After(end) {
			t.Errorf("process %s is still there after %v: %s", pid, within, stat)
			if n, err := strconv.Atoi(pid); err == nil {
				_ = syscall.Kill(n, syscall.SIGKILL)
			}
			return
		}
	}
}

func TestLaunch_StartedAndStoppedOften_LeaksNothing(t *testing.T) {
	rounds := 60
	if testing.Short() {
		rounds = 10
	}
	opts := options("plugin")
	opts.RunDir = runDir(t)
	once := func(kill bool) {
		p, err := tail.Launch(t.Context(), opts)
		if err != nil {
			t.Fatal(err)
		}
		if kill {
			p.Kill()
		}
		p.Close()
		<-p.Done()
	}
	once(false) // What is made once for all stays.
	count := func() (goroutines, fds int) {
		entries, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Skip(err)
		}
		return runtime.NumGoroutine(), len(entries)
	}
	goroutines, fds := count()
	for i := range rounds {
		once(i%2 == 0)
	}
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) { // A poll with a deadline.
		g, f := count()
		if g <= goroutines+2 && f <= fds+2 {
			break
		}
		if time.Now().After(end) {
			t.Errorf("before: %d goroutines, %d descriptors; after %d rounds: %d, %d", goroutines, fds, rounds, g, f)
			break
		}
	}
	if left, err := os.ReadDir(opts.RunDir); err != nil || len(left) > 0 {
		t.Errorf("left in the run directory: %v, %v", left, err)
	}
}
