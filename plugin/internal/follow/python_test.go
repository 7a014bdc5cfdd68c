package follow

import (
	"bufio"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"testing"

	"github.com/livetail/livetail/plugin/tail"
)

// writer is a program in Python that writes as many lines as it is told, through a handler of Python's own package logging.
const pythonWriter = `
import logging, logging.handlers, sys, time
handler = eval(sys.argv[1], {"h": logging.handlers, "path": sys.argv[2]})
handler.setFormatter(logging.Formatter("%(message)s"))
log = logging.getLogger("test")
log.addHandler(handler)
log.setLevel(logging.INFO)
n = 0
for order in sys.stdin:
    if order.strip() == "rollover":
        handler.doRollover()
    else:
        for _ in range(int(order)):
            log.info("line %06d", n)
            n += 1
    print("done", flush=True)
`

// python starts the writer, and returns what gives it an order and waits until it has been carried out.
func python(t *testing.T, handler, path string) (order func(string)) {
	t.Helper()
	bin, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not installed")
	}
	cmd := exec.CommandContext(t.Context(), bin, "-c", pythonWriter, handler, path)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
	})
	answers := bufio.NewReader(out)
	return func(s string) {
		t.Helper()
		if _, err := io.WriteString(in, s+"\n"); err != nil {
			t.Fatalf("%v: %s", err, stderr.String())
		}
		if _, err := answers.ReadString('\n'); err != nil {
			t.Fatalf("%v: %s", err, stderr.String())
		}
	}
}

// The handlers of Python's package logging, with fewer backups than rotations, while the reader rests.
func TestFollow_PythonHandlers_DeliversAll(t *testing.T) {
	for name, c := range map[string]struct {
		handler string
		rotate  func(w *world, order func(string), i int)
	}{
		"RotatingFileHandler": {"h.RotatingFileHandler(path, maxBytes=10_000_000, backupCount=2)",
			func(_ *world, order func(string), _ int) { order("rollover") }},
		"RotatingFileHandler by size": {"h.RotatingFileHandler(path, maxBytes=450, backupCount=40)",
			func(*world, func(string), int) {}},
		"TimedRotatingFileHandler": {"h.TimedRotatingFileHandler(path, when='S', interval=3600, backupCount=2)",
			func(w *world, order func(string), i int) {
				// It deletes an older file of the same second itself; so the names are moved on, as seconds would.
				order("rollover")
				for _, f := range w.list("app.log.20") {
					w.rename(f, fmt.Sprintf("app.log.2026-11-23_07-00-%02d", i))
				}
			}},
		"WatchedFileHandler": {"h.WatchedFileHandler(path)",
			func(w *world, _ func(string), i int) { w.rename("app.log", fmt.Sprintf("app.log.%d", 100-i)) }},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			w.write("app.log", "")
			order := python(t, c.handler, w.path("app.log"))
			r := w.follow(tail.StartAtBeginning())
			const rotations, lines = 12, 40
			for i := range rotations {
				order(fmt.Sprint(lines))
				r.ask() // A generation lives for as long as it takes to look.
				c.rotate(w, order, i)
				r.ask()
			}
			order(fmt.Sprint(lines))
			r.until(numbered(0, (rotations+1)*lines))
			if n := count[tail.Boundary](r); n < rotations || len(r.events) != n {
				t.Errorf("%d boundaries; events are %s", n, r)
			}
		})
	}
}
