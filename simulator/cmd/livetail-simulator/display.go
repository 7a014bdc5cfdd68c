package main

import (
	"io"
	"os"
	"sync"

	"golang.org/x/term"
)

// display shows a line that changes on a terminal, and lets a log be written to the same terminal. Elsewhere it shows nothing.
type display struct {
	out      io.Writer
	terminal bool
	columns  func() int

	mu    sync.Mutex // guards out and shown
	shown bool
}

// newDisplay returns a display on w, which is a terminal or not.
func newDisplay(w io.Writer) *display {
	d := &display{out: w, terminal: isTerminal(w), columns: func() int { return 0 }}
	if f, ok := w.(*os.File); ok && d.terminal {
		d.columns = func() int {
			n, _, err := term.GetSize(int(f.Fd()))
			if err != nil {
				return 0
			}
			return n
		}
	}
	return d
}

// clearLine goes to the beginning of the line and deletes it.
const clearLine = "\r\x1b[K"

// show shows text in place of what is shown, as much of it as there is room for: what runs over the edge could not be deleted again.
func (d *display) show(text string) {
	if !d.terminal {
		return
	}
	const usual = 80
	columns := d.columns()
	if columns <= 0 {
		columns = usual
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.shown = true
	_, _ = io.WriteString(d.out, clearLine+fit(text, columns-1))
}

// fit returns the beginning of text that takes up no more columns than that.
func fit(text string, columns int) string {
	for i, r := range text {
		if columns--; r >= 0x1100 {
			columns-- // Most of what is beyond is twice as wide; where it is not, there is some room left.
		}
		if columns < 0 {
			return text[:i]
		}
	}
	return text
}

// forCommand is where a command may write its errors.
func (d *display) forCommand() io.Writer {
	if d.terminal {
		return d
	}
	return d.out
}

// clear deletes what is shown.
func (d *display) clear() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.clearLocked()
}

func (d *display) clearLocked() {
	if d.shown {
		d.shown = false
		_, _ = io.WriteString(d.out, clearLine)
	}
}

// Write writes lines of a log, or of a command, in place of what is shown.
func (d *display) Write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.clearLocked()
	return d.out.Write(p)
}
