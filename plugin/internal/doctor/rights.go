package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"slices"
	"strconv"
	"syscall"

	"github.com/livetail/livetail/plugin/internal/guard"
)

// self names the user that this process acts as.
func self() string { return "the user " + userName(os.Geteuid()) }

func userName(uid int) string {
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil && u.Username != "" {
		return u.Username
	}
	return strconv.Itoa(uid)
}

func groupName(gid int) string {
	if g, err := user.LookupGroupId(strconv.Itoa(gid)); err == nil && g.Name != "" {
		return g.Name
	}
	return strconv.Itoa(gid)
}

// owned says mode and owners of a file, in brackets; nothing if they are unknown.
func owned(info fs.FileInfo) string {
	uid, gid, ok := owners(info)
	if !ok {
		return ""
	}
	return fmt.Sprintf(" (%s %s:%s)", info.Mode(), userName(uid), groupName(gid))
}

func owners(info fs.FileInfo) (uid, gid int, ok bool) {
	if info == nil {
		return 0, 0, false
	}
	sys, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, 0, false
	}
	return int(sys.Uid), int(sys.Gid), true
}

// allow says how to give this process a right (r, x or both) to a file or folder.
func (d *Doctor) allow(p guard.Path, info fs.FileInfo, right string) string {
	name := userName(os.Geteuid())
	do := fmt.Sprintf("Give the right: setfacl -m u:%s:%s %s", name, right, p)
	_, gid, ok := owners(info)
	if ok && gid != 0 && groupMay(info, right) {
		do += fmt.Sprintf("; or put the user into the group that has it, usermod -aG %s %s, and start livetail again", groupName(gid), name)
	}
	return do + "."
}

// groupMay reports whether the group of a file has a right.
func groupMay(info fs.FileInfo, right string) bool {
	for _, r := range right {
		bit := fs.FileMode(0o010)
		if r == 'r' {
			bit = 0o040
		}
		if info.Mode()&bit == 0 {
			return false
		}
	}
	return true
}

// mayRead reports whether the mode of a file lets this process read it.
func mayRead(info fs.FileInfo) bool {
	uid, gid, ok := owners(info)
	if !ok {
		return false
	}
	groups, _ := os.Getgroups()
	switch {
	case os.Geteuid() == 0:
		return true
	case uid == os.Geteuid():
		return info.Mode()&0o400 != 0
	case gid == os.Getegid() || slices.Contains(groups, gid):
		return info.Mode()&0o040 != 0
	default:
		return info.Mode()&0o004 != 0
	}
}

// cause is the innermost error, which names no path.
func cause(err error) error {
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return errno
	}
	return err
}
