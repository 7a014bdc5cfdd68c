package lines

import (
	"bytes"
	"hash/crc32"
	"strconv"
	"time"
)

// A mark makes a line accountable. It stands at the end of the line's text:
//
//	#STREAM.SEQUENCE.MICROSECONDS.LENGTH.CHECK
//
// STREAM names the producer, SEQUENCE counts its lines without holes, MICROSECONDS is when the line was made (Unix time), and CHECK is
// the CRC-32C, in hexadecimal, of the LENGTH bytes that stand before the mark and of the mark up to the last point. So a line proves
// itself whatever is put before or after it, for example by a program that adds its own time to each line.

// Mark is what a mark says.
type Mark struct {
	// Stream names the producer; it is part of the line.
	Stream []byte
	// Sequence is the number of the line, from 1.
	Sequence uint64
	// Time is when the line was made, to the microsecond.
	Time time.Time
	// Before is how many bytes somebody put before the line.
	Before int
}

// Verdict is what a line says about itself.
type Verdict int

// The verdicts.
const (
	// Unmarked: the line has nothing that looks like a mark.
	Unmarked Verdict = iota
	// Genuine: the line is as it was written.
	Genuine
	// Corrupt: the line has a mark, and it does not belong to the text before it.
	Corrupt
)

const (
	// MaxStream is the longest name of a stream, in bytes.
	MaxStream = 16
	// maxMark is more than any mark is long: the parts at their longest, and the points.
	maxMark = 1 + MaxStream + 1 + 20 + 1 + 20 + 1 + 10 + 1 + 8
	// maxCandidates is how many # signs are tried, from the end.
	maxCandidates = 4
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// appendMark appends the mark of a line whose text is dst[from:].
func appendMark(dst []byte, from int, stream string, sequence uint64, now time.Time) []byte {
	length := len(dst) - from
	dst = append(dst, '#')
	dst = append(dst, stream...)
	dst = append(dst, '.')
	dst = strconv.AppendUint(dst, sequence, 10)
	dst = append(dst, '.')
	dst = strconv.AppendInt(dst, now.UnixMicro(), 10)
	dst = append(dst, '.')
	dst = strconv.AppendInt(dst, int64(length), 10)
	dst = append(dst, '.')
	return appendCheck(dst, crc32.Checksum(dst[from:len(dst)-1], castagnoli))
}

func appendCheck(dst []byte, check uint32) []byte {
	const digits = "0123456789abcdef"
	for shift := 28; shift >= 0; shift -= 4 {
		dst = append(dst, digits[check>>shift&15])
	}
	return dst
}

// Parse reads the mark of a line. The line must be plain: without line ending, colours and markup.
func Parse(line []byte) (Mark, Verdict) {
	verdict := Unmarked
	end := len(line)
	for range maxCandidates {
		at := bytes.LastIndexByte(line[:end], '#')
		if at < 0 {
			break
		}
		m, v := parseAt(line, at)
		if v == Genuine {
			return m, v
		}
		if v == Corrupt {
			verdict = v
		}
		end = at
	}
	return Mark{}, verdict
}

func parseAt(line []byte, at int) (Mark, Verdict) {
	rest := line[at+1 : min(len(line), at+maxMark)]
	stream, rest, ok := bytes.Cut(rest, point)
	if !ok || !validStream(stream) {
		return Mark{}, Unmarked
	}
	sequence, rest, ok := number(rest)
	if !ok {
		return Mark{}, Unmarked
	}
	micros, rest, ok := number(rest)
	if !ok || micros > 1<<62 {
		return Mark{}, Unmarked
	}
	length, rest, ok := number(rest)
	if !ok || len(rest) < 8 {
		return Mark{}, Unmarked
	}
	check, ok := hex8(rest)
	if !ok {
		return Mark{}, Unmarked
	}
	if length > uint64(at) {
		return Mark{}, Corrupt
	}
	// What is left in rest starts at the check; the byte before it is the last point.
	checkAt := at + 1 + min(len(line)-at-1, maxMark-1) - len(rest)
	if crc32.Checksum(line[at-int(length):checkAt-1], castagnoli) != check {
		return Mark{}, Corrupt
	}
	return Mark{Stream: stream, Sequence: sequence, Time: time.UnixMicro(int64(micros)), Before: at - int(length)}, Genuine
}

var point = []byte{'.'}

// number reads decimal digits up to a point.
func number(b []byte) (n uint64, rest []byte, ok bool) {
	for i, c := range b {
		switch {
		case c == '.':
			return n, b[i+1:], i > 0
		case c < '0' || c > '9' || i > 18:
			return 0, nil, false
		}
		n = n*10 + uint64(c-'0')
	}
	return 0, nil, false
}

func hex8(b []byte) (n uint32, ok bool) {
	for _, c := range b[:8] {
		switch {
		case '0' <= c && c <= '9':
			n = n<<4 | uint32(c-'0')
		case 'a' <= c && c <= 'f':
			n = n<<4 | uint32(c-'a'+10)
		default:
			return 0, false
		}
	}
	return n, true
}

func validStream(b []byte) bool {
	if len(b) == 0 || len(b) > MaxStream {
		return false
	}
	for _, c := range b {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}
