package follow

import (
	"io/fs"
	"os"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

func procFD(fd int) string { return "/proc/self/fd/" + strconv.Itoa(fd) }

func statInode(st fs.FileInfo) (dev, ino uint64, ok bool) {
	sys, ok := st.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, 0, false
	}
	return sys.Dev, sys.Ino, true
}

// hold takes over an open file.
func hold(f *os.File) (*held, error) {
	fd := int(f.Fd())
	id, _, _, err := identify(fd)
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	raw, err := f.SyscallConn()
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return &held{file: f, fd: fd, raw: raw, id: id}, nil
}

// close gives the file up. A read under way keeps the descriptor until it is done; later ones fail.
func (h *held) close() {
	h.mark.Close()
	h.mark = nil
	if h.file != nil {
		_ = h.file.Close()
	}
}

// size returns the size of the file, when it was written, and how many names it has.
func (h *held) size() (size int64, written time.Time, links uint64, err error) {
	var st unix.Stat_t
	err2 := h.raw.Control(func(fd uintptr) { err = unix.Fstat(int(fd), &st) })
	if err == nil {
		err = err2
	}
	return st.Size, time.Unix(st.Mtim.Unix()), uint64(st.Nlink), err //nolint:unconvert // It is smaller on other architectures.
}

// deletedBytes is how much room on the disk h keeps from being freed: what it takes if it has no name any more.
func (h *held) deletedBytes() (n int64) {
	_ = h.raw.Control(func(fd uintptr) {
		var st unix.Stat_t
		if unix.Fstat(int(fd), &st) == nil && st.Nlink == 0 {
			n = st.Blocks * 512
		}
	})
	return n
}

// written returns when the file was written, in ns; 0 if that cannot be found out.
func (h *held) written() int64 {
	_, t, _, err := h.size()
	if err != nil {
		return 0
	}
	return t.UnixNano()
}

// noWriter reports whether nobody has the file open for writing, which the kernel tells who may take a lease. The lease is given back
// at once, because a writer that opens the file meanwhile has to wait for that.
func (h *held) noWriter() bool {
	free := false
	_ = h.raw.Control(func(fd uintptr) {
		if _, err := unix.FcntlInt(fd, unix.F_SETLEASE, unix.F_RDLCK); err == nil {
			_, _ = unix.FcntlInt(fd, unix.F_SETLEASE, unix.F_UNLCK)
			free = true
		}
	})
	return free
}
