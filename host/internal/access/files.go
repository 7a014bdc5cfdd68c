package access

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// defaultPoll is the time between two looks at files that may change.
const defaultPoll = 2 * time.Second

// files is a set of small files that are used together and read again when their content changes.
//
// Content is what counts, not times: a mounted secret is swapped by a symbolic link, and a clock may jump. It is compared in full; these are
// a few kilobytes.
type files struct {
	names []string
	limit int64 // bytes of each
	// apply uses the contents, in the order of names, or says why not; then what was applied before stays.
	apply func(contents [][]byte) error
	// report is told about each load: nil for success. The same complaint is not repeated.
	report func(error)

	mu        sync.Mutex // makes loads happen one after the other
	tried     [sha256.Size]byte
	seen      [sha256.Size]byte
	outcome   error  // of the last apply
	complaint string // what was reported last; empty for success
}

// load reads and applies the files now.
func (f *files) load() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	contents, digest, err := f.read()
	if err == nil {
		f.tried, f.seen = digest, digest
		f.outcome = f.apply(contents)
		f.complaint = "" // Who asked wants to hear the answer again.
		err = f.outcome
	}
	f.say(err, true)
	return err
}

// look applies the files if they have changed since the last load, and stayed the same from one look to the next: who writes a file in place
// leaves half of it there for a moment.
func (f *files) look() {
	f.mu.Lock()
	defer f.mu.Unlock()
	contents, digest, err := f.read()
	switch {
	case err != nil:
		f.say(err, false)
	case digest == f.tried: // As before, but it may have been unreadable meanwhile.
		f.seen = digest
		f.say(f.outcome, false)
	case digest == f.seen:
		f.tried = digest
		f.outcome = f.apply(contents)
		f.say(f.outcome, true)
	default:
		f.seen = digest
	}
}

// say reports err, and nil if there is news or a complaint is settled.
func (f *files) say(err error, news bool) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	if text != f.complaint || err == nil && news {
		f.complaint = text
		if f.report != nil {
			f.report(err)
		}
	}
}

func (f *files) run(ctx context.Context, every time.Duration) error {
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
			f.look()
		}
	}
}

func (f *files) read() (contents [][]byte, digest [sha256.Size]byte, err error) {
	h := sha256.New()
	for _, name := range f.names {
		data, err := readSmall(name, f.limit)
		if err != nil {
			return nil, digest, err
		}
		contents = append(contents, data)
		fmt.Fprintf(h, "%d\n", len(data))
		h.Write(data)
	}
	return contents, [sha256.Size]byte(h.Sum(nil)), nil
}

// readSmall reads a regular file of at most limit bytes that nobody but its owner may write.
func readSmall(name string, limit int64) ([]byte, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0) // A FIFO would block otherwise.
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	switch mode := st.Mode(); {
	case !mode.IsRegular():
		return nil, fmt.Errorf("%s is not a regular file", name)
	case runtime.GOOS != "windows" && mode.Perm()&0o022 != 0:
		return nil, fmt.Errorf("%s can be written by others than its owner: chmod go-w it", name)
	}
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%s is larger than %d bytes", name, limit)
	}
	if len(data) == 0 {
		return nil, errors.New(name + " is empty")
	}
	return data, nil
}
