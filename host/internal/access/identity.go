package access

import (
	"path"
	"strings"

	"github.com/livetail/livetail/plugin/tail"
)

// Identity is who a request comes from, and what they may follow. The zero value may follow nothing.
type Identity struct {
	credential *credential
	everything bool
	log        string // not empty: this log alone, from a ticket
}

// Name is the name in the credentials file; empty when nobody had to say who they are.
func (i Identity) Name() string {
	if i.credential == nil {
		return ""
	}
	return i.credential.name
}

// FromTicket reports whether the request brought a ticket, which is good for following one log and for nothing else.
func (i Identity) FromTicket() bool { return i.log != "" }

// MayFollow reports whether log, an absolute clean path, may be followed, read or listed. It looks at the name alone: what a symbolic link
// points to is the tailer's to judge.
func (i Identity) MayFollow(log string) bool {
	switch {
	case !cleanLog(log) || i.log != "" && i.log != log:
		return false
	case i.everything:
		return true
	case i.credential == nil:
		return false
	case i.credential.roots == nil:
		return true
	}
	for _, root := range i.credential.roots {
		if log == root || strings.HasPrefix(log, strings.TrimSuffix(root, "/")+"/") {
			return true
		}
	}
	return false
}

// Revoked is closed when the credential has been taken out of the file or changed in it: a session that lives on it is to end. It is nil,
// which never happens, for an identity without a credential.
func (i Identity) Revoked() <-chan struct{} {
	if i.credential == nil {
		return nil
	}
	return i.credential.revoked
}

func (i Identity) revoked() bool {
	select {
	case <-i.Revoked():
		return true
	default:
		return false
	}
}

func cleanLog(log string) bool {
	return len(log) <= tail.MaxPath && path.IsAbs(log) && path.Clean(log) == log && !strings.ContainsRune(log, 0)
}
