package access

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestRun_UsesTheFileWhenItChanges(t *testing.T) {
	ann, bob, annElsewhere := line(t, "ann", "correct horse"), line(t, "bob", "battery staple"), ""
	annElsewhere = strings.TrimSuffix(ann, "\n") + ":/srv\n"
	synctest.Test(t, func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "tokens")
		write(t, file, ann+bob)
		type report struct {
			credentials int
			err         error
		}
		var mu sync.Mutex // guards said
		var said []report
		reports := func() []report {
			mu.Lock()
			defer mu.Unlock()
			return said
		}
		a, err := New(Options{File: file, OnReload: func(n int, err error) {
			mu.Lock()
			defer mu.Unlock()
			said = append(said, report{n, err})
		}})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- a.Run(ctx) }()
		if len(reports()) != 1 || reports()[0] != (report{2, nil}) {
			t.Errorf("at the start, reports %v", reports())
		}
		defer func() {
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}()
		who := func(name, secret string) Identity {
			t.Helper()
			id, err := a.Check(basic(here, name, secret))
			if err != nil {
				t.Fatal(err)
			}
			return id
		}
		annOnce, bobOnce := who("ann", "correct horse"), who("bob", "battery staple")
		calls, _ := counting(a, "bob", nil)

		// Half of it is there when it is looked at, the rest a moment later.
		write(t, file, bob[:len(bob)/2])
		time.Sleep(defaultPoll)
		synctest.Wait()
		write(t, file, bob)
		if annOnce.revoked() || len(reports()) != 1 {
			t.Fatalf("half a file was used: %v", reports())
		}
		time.Sleep(2 * defaultPoll)
		synctest.Wait()
		if !annOnce.revoked() || bobOnce.revoked() {
			t.Errorf("ann revoked: %v, bob: %v", annOnce.revoked(), bobOnce.revoked())
		}
		if _, err := a.Check(basic(here, "ann", "correct horse")); reason(err) != ReasonWrong {
			t.Errorf("who was taken out: %v", err)
		}
		before := calls.Load()
		if id := who("bob", "battery staple"); id.credential != bobOnce.credential || calls.Load() != before {
			t.Error("who stayed is taken for somebody new")
		}

		// A mistake leaves everything as it was, and is said once.
		write(t, file, bob+"ann:oops\n")
		time.Sleep(10 * defaultPoll)
		synctest.Wait()
		who("bob", "battery staple")
		if bobOnce.revoked() || len(reports()) != 3 || reports()[1] != (report{1, nil}) || reports()[2].credentials != 1 ||
			!strings.Contains(reports()[2].err.Error(), "line 2") {
			t.Errorf("reports %v", reports())
		}

		// So does a file that is not there for a while.
		os.Remove(file)
		time.Sleep(10 * defaultPoll)
		synctest.Wait()
		if len(reports()) != 4 || !errors.Is(reports()[3].err, os.ErrNotExist) {
			t.Errorf("reports %v", reports())
		}
		write(t, file, bob+"ann:oops\n")
		time.Sleep(3 * defaultPoll)
		synctest.Wait()
		if len(reports()) != 5 || !strings.Contains(reports()[4].err.Error(), "line 2") {
			t.Errorf("reports %v", reports())
		}
		write(t, file, bob+annElsewhere)
		time.Sleep(3 * defaultPoll)
		synctest.Wait()
		if id := who("ann", "correct horse"); id.MayFollow("/var/x") || !id.MayFollow("/srv/x") || len(reports()) != 6 {
			t.Errorf("after the file came back: %+v, reports %v", id, reports())
		}
		write(t, file, strings.TrimSuffix(bob, "\n")+":/srv\n")
		if err := a.Reload(); err != nil || !bobOnce.revoked() {
			t.Errorf("who may follow less now goes on as before: %v", err)
		}
	})
}

func TestRun_SeesAMountedSecretBeingSwapped(t *testing.T) {
	ann, bob := line(t, "ann", "correct horse"), line(t, "bob", "battery staple")
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		for folder, content := range map[string]string{"..1": ann, "..2": bob} {
			if err := os.Mkdir(filepath.Join(dir, folder), 0o700); err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(dir, folder, "tokens"), content)
		}
		link := func(to, name string) {
			if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
		link("..1", "..data")
		link("..data/tokens", "tokens")
		a, err := New(Options{File: filepath.Join(dir, "tokens")})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go a.Run(ctx)
		link("..2", "..tmp")
		if err := os.Rename(filepath.Join(dir, "..tmp"), filepath.Join(dir, "..data")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * defaultPoll)
		synctest.Wait()
		if _, err := a.Check(basic(here, "bob", "battery staple")); err != nil {
			t.Error(err)
		}
	})
}

func TestNew_RefusesAFileThatCannotBeTrusted(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	write(t, at("open"), line(t, "ann", "correct horse"))
	if err := os.Chmod(at("open"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(at("fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	write(t, at("empty"), "")
	write(t, at("large"), strings.Repeat("#\n", maxCredentialsFile))
	for name, want := range map[string]string{
		"open":    "can be written by others",
		"fifo":    "is not a regular file",
		".":       "is not a regular file",
		"empty":   "is empty",
		"large":   "is larger than 1048576 bytes",
		"missing": "no such file",
	} {
		if _, err := New(Options{File: at(name)}); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), at(name)) {
			t.Errorf("%s: got %v, want %q and the file's name", name, err, want)
		}
	}
}
