package tail

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/runner"
)

// LaunchOptions say which plugin to start and how.
type LaunchOptions struct {
	// Path is the executable; it is not looked up in PATH. Needed.
	Path string
	// Args are its arguments.
	Args []string
	// Env is its whole environment, as KEY=VALUE; nothing of the host's is passed on.
	Env []string
	// SHA256 is the checksum that the executable must have, in hexadecimal; empty means any.
	SHA256 string
	// StartTimeout bounds the time until the plugin answers; 0 means 10 s.
	StartTimeout time.Duration
	// RunDir is the folder below which the private folder of the socket is made; empty means the system's temporary folder. It has to
	// exist, and to have a path of at most 65 bytes.
	RunDir string
	// Stderr receives what the plugin writes to its standard error, and stray output, as it comes; nil discards it. Calls are not
	// concurrent. It must not be echoed to a terminal unfiltered.
	Stderr io.Writer
}

const (
	defaultStartTimeout = 10 * time.Second
	// closeGrace is how long a plugin may take to end by itself; go-plugin needs up to 2 s of its own after that.
	closeGrace = 2500 * time.Millisecond
)

// Process is a running plugin, and the [Tailer] in it. When it dies, calls return [ErrPluginGone]; launch another.
type Process struct {
	Tailer
	client    *goplugin.Client
	child     *child
	post      *post
	socketDir string // go-plugin forgets it if the process could not be started
	closeOnce sync.Once
}

// Launch starts a plugin and waits until it answers. ctx bounds the start alone. The caller ends the process with [Process.Close].
//
// The connection is private: a socket in a folder that only this user may enter, with mutual TLS by keys made for this process. Every
// error is one sentence that names the plugin and says what to do.
func Launch(ctx context.Context, opts LaunchOptions) (*Process, error) {
	if err := checkExecutable(opts.Path, opts.SHA256); err != nil {
		return nil, err
	}
	if err := checkRunDir(opts.RunDir); err != nil {
		return nil, err
	}
	timeout := opts.StartTimeout
	if timeout == 0 {
		timeout = defaultStartTimeout
	}
	stderr := &stderrTee{out: opts.Stderr}
	cmd := exec.Command(opts.Path, opts.Args...)
	c, err := newChild(cmd)
	if err != nil {
		return nil, err
	}
	post, handedOver, err := addPost(cmd)
	if err != nil {
		return nil, err
	}
	defer handedOver()
	p := &Process{child: c, post: post}
	p.client = goplugin.NewClient(&goplugin.ClientConfig{
		HandshakeConfig:  handshake,
		VersionedPlugins: versions(&grpcPlugin{post: post}),
		AllowedProtocols: []goplugin.Protocol{goplugin.ProtocolGRPC},
		AutoMTLS:         true,
		SkipHostEnv:      true,
		StartTimeout:     timeout,
		UnixSocketConfig: &goplugin.UnixSocketConfig{TempDir: opts.RunDir},
		// go-plugin parses the plugin's stderr for this logger with unchecked type assertions, so that a line like {"@message":1}
		// panics the host, unless the logger is off. Stderr is ours to parse.
		Logger:     hclog.New(&hclog.LoggerOptions{Level: hclog.Off, Output: io.Discard}),
		Stderr:     stderr,
		SyncStdout: stderr,
		SyncStderr: stderr,
		RunnerFunc: func(_ hclog.Logger, spec *exec.Cmd, socketDir string) (runner.Runner, error) {
			p.socketDir = socketDir
			cmd.Env = slices.Concat(opts.Env, spec.Env, post.environment(cmd))
			return c, nil
		},
		GRPCDialOptions: dialOptions(),
	})
	if err := p.start(ctx); err != nil {
		p.Close() // First, so that all of its last words have arrived.
		return nil, explain(opts.Path, err, stderr.tail())
	}
	return p, nil
}

// start brings the process up and asks it for its tailer.
func (p *Process) start(ctx context.Context) error {
	type result struct {
		tailer any
		err    error
	}
	done := make(chan result, 1)
	go func() { // Ends by StartTimeout at the latest, or sooner when the process is killed.
		protocol, err := p.client.Client()
		if err != nil {
			done <- result{err: err}
			return
		}
		t, err := protocol.Dispense(pluginName)
		done <- result{t, err}
	}()
	var r result
	select {
	case r = <-done:
	case <-ctx.Done():
		p.child.kill()
		<-done
		return ctx.Err()
	}
	if r.err != nil {
		return r.err
	}
	p.Tailer = r.tailer.(Tailer)
	_, err := p.Info(ctx)
	return err
}

// Done is closed when the process has ended, for whatever reason.
func (p *Process) Done() <-chan struct{} { return p.child.exited }

// Pid is the process id.
func (p *Process) Pid() int { return p.child.processID() }

// Kill ends the process and its children at once, also when it is stopped or hangs. Call Close afterwards all the same.
func (p *Process) Kill() { p.child.kill() }

// Close ends the process: kindly, and after 2.5 s by force, so that it returns within 5 s also for a process that is stopped.
// Calls under way return [ErrPluginGone]. It is safe to call again.
func (p *Process) Close() { p.closeOnce.Do(p.close) }

func (p *Process) close() {
	defer func() {
		p.post.shut()
		if p.socketDir != "" {
			_ = os.RemoveAll(p.socketDir)
		}
	}()
	done := make(chan struct{})
	go func() { // Ends when the process has: go-plugin's Kill has no deadline of its own, the timer below is it.
		defer close(done)
		p.client.Kill()
	}()
	force := time.NewTimer(closeGrace)
	defer force.Stop()
	select {
	case <-done:
	case <-force.C:
		p.child.kill()
		<-done
	}
}

// checkExecutable says in one sentence why path cannot be a plugin.
func checkExecutable(path, sum string) error {
	if path == "" {
		return errors.New("no plugin is named: give the path of its executable")
	}
	st, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("plugin %s does not exist: check the path: %w", path, err)
	case err != nil:
		return fmt.Errorf("plugin %s cannot be examined: %w", path, err)
	case !st.Mode().IsRegular():
		return fmt.Errorf("plugin %s is not a file", path)
	case st.Mode().Perm()&0o111 == 0:
		return fmt.Errorf("plugin %s is not executable: chmod +x it", path)
	case sum == "":
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("plugin %s cannot be read for its checksum: %w", path, err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return fmt.Errorf("plugin %s cannot be read for its checksum: %w", path, err)
	}
	if got := hex.EncodeToString(h.Sum(nil)); !strings.EqualFold(got, sum) {
		return fmt.Errorf("plugin %s has the SHA-256 %s instead of %s: it is another build, or somebody changed it", path, got, sum)
	}
	return nil
}

// maxRunDir is the longest path of a run directory: a socket's path has at most 103 bytes everywhere, and go-plugin adds two names
// with ten digits each.
const maxRunDir = 103 - len("/plugin-dir0123456789/plugin0123456789")

// checkRunDir says in one sentence why there can be no socket below dir.
func checkRunDir(dir string) error {
	if dir == "" {
		dir = os.TempDir()
	}
	if len(dir) > maxRunDir {
		return fmt.Errorf("the run directory %s is too long for a socket in it: name one of at most %d bytes", dir, maxRunDir)
	}
	if st, err := os.Stat(dir); err != nil {
		return fmt.Errorf("the run directory cannot be used: %w", err)
	} else if !st.IsDir() {
		return fmt.Errorf("the run directory %s is not a directory", dir)
	}
	return nil
}

// explain makes one sentence of what go-plugin says in several, with the last words of the plugin.
func explain(path string, err error, words string) error {
	said := ""
	if words != "" {
		said = "; it said: " + strconv.Quote(words)
	}
	text := err.Error()
	switch {
	case strings.Contains(text, "ncompatible API version"):
		return fmt.Errorf("plugin %s does not speak version %d of the contract: install one that fits this host%s", path, ProtocolVersion, said)
	case strings.Contains(text, "plugin exited before we could connect"),
		strings.Contains(text, "Failed to read any lines from plugin's stdout"):
		return fmt.Errorf("plugin %s ended before it answered: is it a livetail plugin?%s", path, said)
	case strings.Contains(text, "Unrecognized remote plugin message"),
		strings.Contains(text, "core protocol version"), strings.Contains(text, "core API version"),
		strings.Contains(text, "unsupported plugin protocol"), strings.Contains(text, "unknown address type"):
		return fmt.Errorf("plugin %s did not answer like a livetail plugin: is it one?%s", path, said)
	case strings.Contains(text, "timeout while waiting for plugin to start"):
		return fmt.Errorf("plugin %s did not answer in time: is it a livetail plugin?%s", path, said)
	}
	return fmt.Errorf("start plugin %s: %w%s", path, err, said)
}
