package follow

import (
	"cmp"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"math"
	"slices"
)

// beforeChain leaves those of files, which are not held, that are older than the first generation of the chain, although that has no name any more
// by which it could be told: a rotator has deleted it, or compressed it, and its archive is not held, but is no older. A file that
// was made after it is not either.
func (l *Log) beforeChain(files, all []sibling, chain []*generation) []sibling {
	var nameless []*generation
	for _, g := range chain {
		if g.on.file == nil || g.packed != nil || g.from > 0 {
			continue
		}
		at := l.nameOf(g.on.fd) // The journal may have to tell of it yet.
		if at.failed || at.named() && at.name == l.at.base || slices.ContainsFunc(all, func(f sibling) bool { return f.on == g.on }) {
			break // The others come after it.
		}
		nameless = append(nameless, g)
	}
	if len(nameless) == 0 {
		return files
	}
	for i, f := range files {
		if l.isFormOf(f, nameless) {
			return files[:i]
		}
	}
	return files
}

// isFormOf reports whether a rotated file is the archive of one of gens, or was made after the first of them.
func (l *Log) isFormOf(f sibling, gens []*generation) bool {
	h, err := l.openSibling(f)
	if err != nil {
		return false
	}
	defer h.close()
	first := gens[0].on.id.btime
	as := cmp.Or(f.Packed, packedAs(h))
	if as == "" {
		return first != 0 && h.id.btime > first
	}
	size, _, _, err := h.size()
	if err != nil || as != ".gz" || size < gzipTrailer {
		return false
	}
	var end [gzipTrailer]byte
	if n, err := h.readAt(end[:], size-gzipTrailer); err != nil || n < gzipTrailer {
		return false
	}
	gens = beginAs(h, gens)
	sum, length := binary.LittleEndian.Uint32(end[:]), int64(binary.LittleEndian.Uint32(end[4:]))
	return slices.ContainsFunc(gens, func(g *generation) bool { return l.beginsWith(g, length, sum) })
}

// beginAs leaves those of gens that begin as an archive does. To unpack that little costs nothing beside reading a whole generation for its checksum.
func beginAs(archive *held, gens []*generation) []*generation {
	gz, err := gzip.NewReader(io.NewSectionReader(archive.file, 0, math.MaxInt64))
	if err != nil {
		return nil
	}
	var first [overlap]byte
	n, err := io.ReadFull(gz, first[:])
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	var same []*generation
	for _, g := range gens {
		var begins [overlap]byte
		if k, err := g.on.readAt(begins[:n], 0); err == nil && k == n && begins == first {
			same = append(same, g)
		}
	}
	return same
}

// gzipTrailer is how many bytes at the end of an archive tell the checksum of its content and the length, modulo 4 GiB.
const gzipTrailer = 8

// beginsWith reports whether the beginning of g has that length, modulo 4 GiB, and that checksum. What a writer added after the archive was made is
// not in it.
func (l *Log) beginsWith(g *generation, length int64, sum uint32) bool {
	size, _, _, err := g.on.size()
	if err != nil || length == 0 || length > size {
		return false
	}
	length += (size - length) >> 32 << 32
	content := crc32.NewIEEE()
	n, err := io.Copy(content, io.NewSectionReader(g.on.file, 0, length))
	return err == nil && n == length && content.Sum32() == sum
}
