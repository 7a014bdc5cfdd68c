package e2e

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait for the outside world; a machine under load gets there, only later.
const patience = 180 * time.Second

// checked says that the programs are built with the race detector.
var checked = os.Getenv("E2E_RACE") != "0"

// programs is where the real programs are, built once; what touches logs and viewers, with the race detector, unless E2E_RACE=0 asks for them
// as they are released, to measure.
var programs = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "livetail-e2e-")
	if err != nil {
		return "", err
	}
	for _, args := range [][]string{
		{"-race=" + strconv.FormatBool(checked), "./host/cmd/livetail", "./plugin/cmd/livetail-plugin"},
		{"./simulator/cmd/livetail-simulator"}, // It is the measure, not what is measured.
	} {
		cmd := exec.Command("go", append([]string{"build", "-o", dir + "/"}, args...)...)
		cmd.Dir = root
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("build the programs: %w\n%s", err, out)
		}
	}
	return dir, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if dir, err := programs(); err == nil {
		os.RemoveAll(dir)
	}
	os.Exit(code)
}

func program(t *testing.T, name string) string {
	t.Helper()
	dir, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, name)
}

// process is a program under test. What it says on either stream is kept.
type process struct {
	*exec.Cmd
	t      *testing.T
	exited chan struct{}
	err    error // of Wait; read after exited

	mu     sync.Mutex // guards the rest
	out    bytes.Buffer
	waiter chan struct{} // closed and replaced whenever something was said
}

// start runs a program until the test ends.
func start(t *testing.T, name string, args ...string) *process {
	t.Helper()
	return startCommand(t, exec.Command(program(t, name), args...))
}

// startCommand is start for any command.
func startCommand(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	name := filepath.Base(cmd.Path)
	p := &process{Cmd: cmd, t: t, exited: make(chan struct{}), waiter: make(chan struct{})}
	p.Dir = t.TempDir()
	stdout, err := p.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr, err := p.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	var readers sync.WaitGroup
	for _, r := range []*bufio.Reader{bufio.NewReader(stdout), bufio.NewReader(stderr)} {
		readers.Go(func() {
			for {
				line, err := r.ReadString('\n')
				p.say(line)
				if err != nil {
					return
				}
			}
		})
	}
	go func() { // Ends with the process, which the clean-up below ends.
		readers.Wait()
		p.err = p.Wait()
		close(p.exited)
	}()
	t.Cleanup(func() {
		_ = p.Process.Kill()
		<-p.exited
		if t.Failed() {
			t.Logf("%s said:\n%s", name, p.said())
		}
		if strings.Contains(p.said(), "DATA RACE") {
			t.Errorf("%s has a data race:\n%s", name, p.said())
		}
	})
	return p
}

func (p *process) say(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.out.WriteString(line)
	close(p.waiter)
	p.waiter = make(chan struct{})
}

func (p *process) said() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.String()
}

// line waits for a line that contains what, and returns it.
func (p *process) line(what string) string {
	p.t.Helper()
	late := time.After(patience)
	for {
		p.mu.Lock()
		said, waiter := p.out.String(), p.waiter
		p.mu.Unlock()
		for l := range strings.Lines(said) {
			if strings.Contains(l, what) {
				return strings.TrimSpace(l)
			}
		}
		select {
		case <-waiter:
		case <-p.exited:
			if !strings.Contains(p.said(), what) {
				p.t.Fatalf("it ended (%v) without saying %q:\n%s", p.err, what, p.said())
			}
		case <-late:
			p.t.Fatalf("it did not say %q:\n%s", what, p.said())
		}
	}
}

// wait waits for the end of the process and returns its exit code.
func (p *process) wait() int {
	p.t.Helper()
	select {
	case <-p.exited:
	case <-time.After(patience):
		p.t.Fatalf("it did not end:\n%s", p.said())
	}
	var exit *exec.ExitError
	if p.err != nil && !errors.As(p.err, &exit) {
		p.t.Fatal(p.err)
	}
	return p.ProcessState.ExitCode()
}

// serve starts a front door over root and returns its address.
func serve(t *testing.T, args ...string) (addr string, p *process) {
	t.Helper()
	p = start(t, "livetail", append([]string{"serve", "--listen", "127.0.0.1:0"}, args...)...)
	words := strings.Fields(p.line("listening"))
	return words[len(words)-1], p
}

// children returns the ids of the processes that pid started and that still run.
func children(t *testing.T, pid int) []int {
	t.Helper()
	var out []int
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil || len(tasks) == 0 {
		t.Skipf("the kernel does not tell whose child a process is")
	}
	for _, f := range tasks {
		text, _ := os.ReadFile(f)
		for w := range strings.FieldsSeq(string(text)) {
			if id, err := strconv.Atoi(w); err == nil {
				out = append(out, id)
			}
		}
	}
	return out
}

// alive reports whether process pid exists and is more than the remains of one.
func alive(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, after, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(after, "Z") && !strings.HasPrefix(after, "X")
}

// eventually waits until what holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	getsThere(t, what, func() int64 { return 0 }, holds)
}

// getsThere waits until what holds, however long that takes, as long as come, which says how far it has come, changes now and then.
func getsThere(t *testing.T, what string, come func() int64, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	far, since := come(), time.Now()
	for !holds() {
		select {
		case <-t.Context().Done():
			t.Fatalf("not so: %s", what)
		case <-tick.C:
		}
		if now := come(); now != far {
			far, since = now, time.Now()
		}
		if time.Since(since) > patience {
			t.Fatalf("not so: %s", what)
		}
	}
}
