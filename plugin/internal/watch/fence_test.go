package watch

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
)

// Links and files are switched as fast as it goes. Whenever the watcher sees the one of a number, as many switches must have been told.
func TestJournal_Take_TellsAllThatCanBeSeen(t *testing.T) {
	const switches, writers = 1000, 3
	for _, how := range []string{"renamed link", "renamed file", "new file"} {
		t.Run(how, func(t *testing.T) {
			w, err := New()
			if err != nil {
				t.Skip("no inotify here:", err)
			}
			defer w.Close()
			dir := t.TempDir()
			f, err := os.Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			j, err := w.Journal(int(f.Fd()), func() {})
			if err != nil {
				t.Fatal(err)
			}
			defer j.Close()
			var making sync.WaitGroup
			for n := range writers { // Each has a name of its own; together they keep the lock and the processors busy.
				making.Go(func() {
					name := filepath.Join(dir, strconv.Itoa(n))
					for i := range switches {
						if err := switchTo(name, i, how); err != nil {
							t.Error(err)
							return
						}
					}
				})
			}
			defer making.Wait()
			done := make(chan struct{})
			go func() { making.Wait(); close(done) }()
			told := make([]int, writers)
			for over := false; !over; {
				select {
				case <-done:
					over = true
				default:
				}
				seen := make([]int, writers)
				for n := range writers {
					seen[n] = number(filepath.Join(dir, strconv.Itoa(n)))
				}
				for _, e := range j.Take(int(f.Fd())) {
					if e.Kind() == Overflow {
						t.Skip("the queue overflowed: the machine is too slow for this")
					}
					if n, err := strconv.Atoi(e.Name); err == nil && (e.Kind() == MovedTo || e.Kind() == Created) {
						told[n]++
					}
				}
				for n := range writers {
					if told[n] < seen[n] {
						t.Fatalf("switch %d of %d can be seen, and only %d have been told", seen[n], n, told[n])
					}
				}
			}
		})
	}
}

// switchTo makes name lead to, or be, number i.
func switchTo(name string, i int, how string) error {
	tmp := fmt.Sprintf("%s.tmp", name)
	switch how {
	case "renamed link":
		if err := os.Symlink(strconv.Itoa(i+1), tmp); err != nil {
			return err
		}
		return os.Rename(tmp, name)
	case "renamed file":
		if err := os.WriteFile(tmp, []byte(strconv.Itoa(i+1)), 0o600); err != nil {
			return err
		}
		return os.Rename(tmp, name)
	default:
		_ = os.Remove(name)
		return os.Symlink(strconv.Itoa(i+1), name)
	}
}

// number returns how many switches can be seen; 0 if the name is missing now.
func number(name string) int {
	text, err := os.Readlink(name)
	if err != nil {
		b, _ := os.ReadFile(name)
		text = string(b)
	}
	n, _ := strconv.Atoi(text)
	return n
}
