package loki

import (
	"path"
	"regexp"
	"strings"

	"github.com/livetail/livetail/plugin/tail"
)

var (
	// packed is the ending of a compressed file.
	packed = regexp.MustCompile(`(\.tar)?\.(gz|tgz|zst|bz2|xz|lzma|lz4|zip|Z)$`)
	// numbered and stamped are what rotators add to the name of a log.
	numbered = regexp.MustCompile(`^\.[0-9]{1,5}$`)
	stamped  = regexp.MustCompile(`^[-._@][0-9][-0-9_.T:]{6,}$`)
)

// withoutRotated leaves out what is a rotated generation of another log in the list: its lines are in that log's stream, and would come twice.
// Asked for by its own name alone, such a file is a log like any other.
func withoutRotated(entries []tail.Entry) []tail.Entry {
	names := make(map[string]bool, len(entries))
	for _, e := range entries {
		names[e.Log] = true
	}
	out := entries[:0]
	for _, e := range entries {
		if !isRotated(e.Log, func(log string) bool { return log != e.Log && names[log] }) {
			out = append(out, e)
		}
	}
	return out
}

// isRotated reports whether log is a rotated generation of another one that there is. A name that could as well be that of a log of its own,
// such as app-1.log beside app.log, is taken for that.
func isRotated(log string, exists func(string) bool) bool {
	plain := packed.ReplaceAllString(log, "")
	if plain != log && exists(plain) {
		return true
	}
	plain = strings.TrimSuffix(plain, ".backup")
	folder := len(plain) - len(path.Base(plain))
	ext := path.Ext(plain)
	stem := strings.TrimSuffix(plain, ext)
	for i := folder + 1; i < len(plain); i++ {
		if !strings.ContainsRune("-._@", rune(plain[i])) {
			continue
		}
		if added := plain[i:]; (numbered.MatchString(added) || stamped.MatchString(added)) && exists(plain[:i]) {
			return true
		}
		if i < len(stem) && stamped.MatchString(stem[i:]) && exists(stem[:i]+ext) {
			return true
		}
	}
	return false
}
