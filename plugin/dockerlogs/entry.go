package dockerlogs

import (
	"bytes"
	"encoding/json"
)

// entry is what one line of the file says.
type entry struct {
	text   []byte // what the container wrote, with its line end if it is complete
	stream string // stdout or stderr; empty if the line of the file is no entry, and text is that line itself
}

// complete reports whether the line of the container ends with this entry.
func (e entry) complete() bool { return len(e.text) > 0 && e.text[len(e.text)-1] == '\n' }

// parseEntry reads one line of the file. What is no entry, because something else wrote it or the daemon was killed in the middle, is
// delivered as it stands.
func parseEntry(line []byte) entry {
	var raw struct {
		Log    *string `json:"log"`
		Stream string  `json:"stream"`
	}
	if !bytes.HasPrefix(line, []byte("{")) || json.Unmarshal(line, &raw) != nil || raw.Log == nil || raw.Stream == "" {
		return entry{text: line}
	}
	return entry{text: []byte(*raw.Log), stream: raw.Stream}
}
