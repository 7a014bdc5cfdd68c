package guard

import (
	"io/fs"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// straight opens what is at abs without the right to read it, if abs is below a root and no folder on the way is a link, which holds for
// most paths: then it is what its name says. What it finds may be a link itself. It does in four system calls what [Guard.locate] needs a
// dozen for, which counts where thousands of files are looked at. The error is nil, or says that nothing is there (ENOENT), or anything
// else: then locate has to tell.
func (g *Guard) straight(abs string) (*os.File, fs.FileInfo, error) {
	if g.below(abs) == nil {
		return nil, nil, errOutside
	}
	// O_PATH has no effect on a device and does not wait for a FIFO.
	fd, err := unix.Openat2(unix.AT_FDCWD, abs, &unix.OpenHow{Flags: unix.O_PATH | unix.O_NOFOLLOW | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_SYMLINKS})
	if err != nil {
		return nil, nil, err
	}
	f := os.NewFile(uintptr(fd), abs)
	info, err := f.Stat()
	if err != nil {
		_ = f.Close()
		return nil, nil, err
	}
	return f, info, nil
}

// reopen opens for reading the very file that f, from [Guard.straight], stands for.
func reopen(f *os.File) (*os.File, error) {
	return os.OpenFile("/proc/self/fd/"+strconv.Itoa(int(f.Fd())), openFlags, 0)
}

func isLink(info fs.FileInfo) bool { return info.Mode()&fs.ModeSymlink != 0 }

// isMissing reports whether an error of [Guard.straight] is the answer.
func isMissing(err error) bool { return err == syscall.ENOENT } //nolint:errorlint // It comes from the system call as it is.
