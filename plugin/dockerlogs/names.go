package dockerlogs

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"unicode/utf8"

	"github.com/livetail/livetail/plugin/tail"
)

const (
	// idLength is the length of a container's id, shortLength that of the part of it that people use.
	idLength, shortLength = 64, 12
	// maxConfig bounds the file with a container's settings.
	maxConfig = 1 << 20
	// maxContainers bounds how many containers are looked at.
	maxContainers = 20_000
)

// container is one container that has, or may have, a log.
type container struct {
	name string // with a slash before it, as Docker has it
	id   string
}

// file is where a container's log is.
func (t *Tailer) file(id string) string { return filepath.Join(t.dir, id, id+"-json.log") }

// containers returns those that there are, in the order of their names. One whose name cannot be found is called by the short form of its
// id.
func (t *Tailer) containers() ([]container, error) {
	f, err := os.Open(t.dir)
	if err != nil {
		return nil, dirError(err)
	}
	defer f.Close()
	names, err := f.Readdirnames(maxContainers)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, dirError(err)
	}
	var all []container
	taken := map[string]bool{}
	for _, id := range names {
		if !isID(id) {
			continue
		}
		name := t.nameOf(id)
		if name == "" || taken[name] {
			name = "/" + id[:shortLength]
		}
		taken[name] = true
		all = append(all, container{name, id})
	}
	slices.SortFunc(all, func(a, b container) int { return strings.Compare(a.name, b.name) })
	return all, nil
}

func dirError(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("the folder of containers: %w", tail.ErrNotFound)
	}
	return fmt.Errorf("the folder of containers: %w: %w", tail.ErrUnreadable, err)
}

// nameOf reads the name of a container from its settings; empty if that cannot be done.
func (t *Tailer) nameOf(id string) string {
	f, err := os.OpenFile(filepath.Join(t.dir, id, "config.v2.json"), os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return ""
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxConfig))
	if err != nil {
		return ""
	}
	var config struct{ Name string }
	if json.Unmarshal(data, &config) != nil || !isName(config.Name) {
		return ""
	}
	return config.Name
}

// isID reports whether a folder is called like a container.
func isID(s string) bool { return len(s) == idLength && strings.Trim(s, "0123456789abcdef") == "" }

// isName reports whether name is one that Docker gives to containers.
func isName(name string) bool {
	const first, rest = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", "_.-"
	return len(name) > 1 && len(name) < 256 && name[0] == '/' && strings.ContainsRune(first, rune(name[1])) && strings.Trim(name[1:], first+rest) == ""
}

// find returns the container that a log belongs to, by its name, its id or the beginning of it. The error is [tail.ErrBadRequest] or
// [tail.ErrNotFound].
func (t *Tailer) find(log string) (container, error) {
	if log == "" || len(log) > tail.MaxPath || !utf8.ValidString(log) || strings.ContainsRune(log, 0) {
		return container{}, fmt.Errorf("the name of a log has 1 to %d bytes, without NUL: %w", tail.MaxPath, tail.ErrBadRequest)
	}
	all, err := t.containers()
	if err != nil {
		return container{}, err
	}
	for _, c := range all {
		if c.name == log {
			return c, nil
		}
	}
	if id := strings.TrimPrefix(log, "/"); len(id) >= shortLength {
		for _, c := range all {
			if strings.HasPrefix(c.id, id) {
				return c, nil
			}
		}
	}
	return container{}, fmt.Errorf("there is no container of the name %q: %w", log, tail.ErrNotFound)
}

// entry describes a container's log; it is not ok if there is none, as with another driver.
func (t *Tailer) entry(c container) (tail.Entry, bool) {
	info, err := os.Lstat(t.file(c.id))
	if err != nil || !info.Mode().IsRegular() {
		return tail.Entry{}, false
	}
	return tail.Entry{Log: c.name, Size: info.Size(), Modified: info.ModTime()}, true
}
