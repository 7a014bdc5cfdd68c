package follow

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/livetail/livetail/plugin/tail"
)

// identity tells one inode from every other one. Two identities that are equal mean the same file only if both come from open
// descriptors, or if content agrees too: a file system may give all of these numbers again.
type identity struct {
	dev, ino uint64
	btime    int64  // when the inode was made, in ns; 0 if the file system does not know
	handle   uint64 // hash of the file handle, which holds a number that grows each time the inode is used anew; 0 if there is none
}

// sameInode reports whether a stat of a name shows the file that id describes, which has to be held open.
func (id identity) sameInode(dev, ino uint64) bool { return id.dev == dev && id.ino == ino }

// identify examines an open file.
func identify(fd int) (id identity, size int64, links uint32, err error) {
	var st unix.Statx_t
	if err := unix.Statx(fd, "", unix.AT_EMPTY_PATH, unix.STATX_BASIC_STATS|unix.STATX_BTIME, &st); err != nil {
		return identity{}, 0, 0, fmt.Errorf("examine an open file: %w", err)
	}
	id = identity{dev: unix.Mkdev(st.Dev_major, st.Dev_minor), ino: st.Ino, handle: handleOf(fd)}
	if st.Mask&unix.STATX_BTIME != 0 {
		id.btime = st.Btime.Sec*1e9 + int64(st.Btime.Nsec)
	}
	return id, int64(st.Size), st.Nlink, nil
}

// handleFID asks for a handle that only identifies; file systems that cannot open by handle (overlayfs) have one too.
const handleFID = 0x200

func handleOf(fd int) uint64 {
	h, _, err := unix.NameToHandleAt(fd, "", unix.AT_EMPTY_PATH)
	if err != nil {
		h, _, err = unix.NameToHandleAt(fd, "", unix.AT_EMPTY_PATH|handleFID)
	}
	if err != nil {
		return 0
	}
	sum := fnv.New64a()
	var kind [4]byte
	binary.LittleEndian.PutUint32(kind[:], uint32(h.Type()))
	sum.Write(kind[:])
	sum.Write(h.Bytes())
	return max(sum.Sum64(), 1)
}

// A token is the text form of a generation in a position: the identity without the device, whose number changes from boot to boot, and
// the epoch, which tells apart what stood in the same file before and after it was emptied.
type token struct {
	ino    uint64
	btime  int64
	handle uint64
	epoch  uint64 // 48 bits; 0 for the first content seen, later ones the time at which they were found
}

const (
	tokenVersion = 1
	tokenBytes   = 1 + 8 + 8 + 8 + 6
	epochMask    = 1<<48 - 1
)

func (id identity) token(epoch uint64) token {
	return token{id.ino, id.btime, id.handle, epoch & epochMask}
}

// matches reports whether t was made from id, whatever the epoch.
func (t token) matches(id identity) bool {
	return t.ino == id.ino && t.btime == id.btime && t.handle == id.handle
}

// String returns the text form, safe in a URL.
func (t token) String() string {
	var b [tokenBytes + 2]byte
	b[0] = tokenVersion
	binary.BigEndian.PutUint64(b[1:], t.ino)
	binary.BigEndian.PutUint64(b[9:], uint64(t.btime))
	binary.BigEndian.PutUint64(b[17:], t.handle)
	binary.BigEndian.PutUint64(b[25:], t.epoch<<16)
	return base64.RawURLEncoding.EncodeToString(b[:tokenBytes])
}

// parseToken reads the text form. What is no token of ours is [tail.ErrBadRequest].
func parseToken(s string) (token, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	// The decoder passes over line ends.
	if err != nil || len(s) != base64.RawURLEncoding.EncodedLen(tokenBytes) || len(b) != tokenBytes || b[0] != tokenVersion {
		return token{}, fmt.Errorf("position %s is not one of this tailer: %w", strconv.Quote(s), tail.ErrBadRequest)
	}
	b = append(b, 0, 0)
	return token{
		ino:    binary.BigEndian.Uint64(b[1:]),
		btime:  int64(binary.BigEndian.Uint64(b[9:])),
		handle: binary.BigEndian.Uint64(b[17:]),
		epoch:  binary.BigEndian.Uint64(b[25:]) >> 16,
	}, nil
}

// overlap is how many bytes before an offset, and how many at the beginning of the file, are evidence that the content is still the same.
const overlap = 64

// window is the evidence for an offset: the up to [overlap] bytes before it, and the first ones of the file. Lines of one length that
// say the same but for the time can agree before the offset, when a file was emptied and has grown again unseen; its beginning cannot.
type window struct {
	b    [overlap]byte
	n    int
	head [overlap]byte
	hn   int // how many bytes of head are known: all up to the offset; noHead if they are no evidence
}

// noHead stands for a file that begins with a hole, which may be filled yet.
const noHead = -1

// bytes returns the bytes before the offset. They belong to w.
func (w *window) bytes() []byte { return w.b[:w.n] }

// first returns the bytes at the beginning of the file. They belong to w.
func (w *window) first() []byte { return w.head[:max(w.hn, 0)] }

// holds reports whether b is what stands before the offset.
func (w *window) holds(b []byte) bool { return bytes.Equal(w.bytes(), b) }

// same reports whether two windows of the same offset hold the same.
func (w *window) same(o *window) bool {
	return w.holds(o.bytes()) && bytes.Equal(w.first(), o.first())
}

// push moves the window over data, which comes right after it.
func (w *window) push(data []byte) {
	if w.hn >= 0 && w.hn < overlap { // Everything up to here is in head.
		w.hn += copy(w.head[w.hn:], data)
	}
	if len(data) >= overlap {
		w.n = copy(w.b[:], data[len(data)-overlap:])
		return
	}
	if keep := overlap - len(data); w.n > keep {
		copy(w.b[:], w.b[w.n-keep:w.n])
		w.n = keep
	}
	w.n += copy(w.b[w.n:], data)
}

// begin takes over the first bytes of the file, all up to the offset or [overlap].
func (w *window) begin(head []byte) {
	w.hn = copy(w.head[:], head)
	if w.hn > 0 && len(bytes.TrimLeft(head, "\x00")) == 0 {
		w.hn = noHead
	}
}

// check is the text form of the window in a position; empty at the beginning of a generation, where there is nothing to check.
func (w *window) check() string {
	if w.n == 0 {
		return ""
	}
	sum := fnv64a(fnv64a(fnvBasis, w.first()), w.bytes())
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], sum)
	return base64.RawURLEncoding.EncodeToString(b[:])
}

const fnvBasis = 14695981039346656037

// fnv64a goes on with an FNV-1a hash, without the allocation of the one in hash/fnv.
func fnv64a(h uint64, b []byte) uint64 {
	for _, c := range b {
		h = (h ^ uint64(c)) * 1099511628211
	}
	return h
}
