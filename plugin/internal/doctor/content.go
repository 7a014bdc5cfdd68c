package doctor

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"syscall"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"
	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/livetail/livetail/plugin/internal/encoding"
	"github.com/livetail/livetail/plugin/internal/guard"
)

// sample is how much of the file is looked at, at its beginning and at its end.
const sample = 16 << 10

// content examines what stands in the file, and when it was written.
func (d *Doctor) content(c *chart, p *patient) {
	d.age(c, p)
	size := p.info.Size()
	if size == 0 {
		return
	}
	head := make([]byte, min(size, sample))
	n, err := p.file.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		c.problem("unreadable", fmt.Sprintf("%s can be opened, but not read: %v.", p.log, cause(err)), "Look at the disk and the messages of the system (dmesg).")
		return
	}
	head = head[:n]
	last := make([]byte, min(size, sample))
	n, _ = p.file.ReadAt(last, size-int64(len(last)))
	last = last[:n]
	if kind := archive(head); kind != "" {
		c.note("encoding", fmt.Sprintf("It is an archive (%s), and shown as it stands.", kind),
			"Name the log that it was rotated from: what stands in archives of gzip beside it is its history.")
		return
	}
	d.hole(c, p, head)
	d.encoding(c, p.log, head, last)
	if size > sample && bytes.IndexByte(last, '\n') < 0 {
		c.note("no-line-end", fmt.Sprintf("There is no line end in the last %s: lines are delivered when they are complete, very long ones in pieces.", bytesText(int64(len(last)))),
			"Check that the program ends its lines with a newline.")
	}
}

// archive is the name of the format if head is the beginning of a compressed file.
func archive(head []byte) string {
	for _, a := range []struct{ magic, name string }{
		{"\x1f\x8b", "gzip"}, {"\x28\xb5\x2f\xfd", "zstd"}, {"\xfd7zXZ\x00", "xz"}, {"BZh", "bzip2"}, {"PK\x03\x04", "zip"},
	} {
		if bytes.HasPrefix(head, []byte(a.magic)) {
			return a.name
		}
	}
	return ""
}

// quiet is how long nothing may be written without being worth a word.
const quiet = time.Hour

func (d *Doctor) age(c *chart, p *patient) {
	age := time.Since(p.info.ModTime())
	switch {
	case age < -time.Minute:
		c.note("clock", fmt.Sprintf("It was last written in the future, by %s: clocks differ.", ageText(-age)), "Set the clocks of the machines (NTP).")
	case p.info.Size() == 0:
		c.note("empty", fmt.Sprintf("It is empty, since %s.", ageText(age)), "Check that the program runs, that its level lets messages through, and that it logs here and not to a file that was rotated.")
	case age > quiet:
		c.note("quiet", fmt.Sprintf("It was last written %s ago.", ageText(age)), "Check that the program runs, and that it logs here and not to a file that was rotated.")
	default:
		c.ok("written", "It was last written %s ago.", ageText(age))
	}
}

// hole says that the file begins with bytes that were never written, which is what emptying it under a writer that does not append leaves.
func (d *Doctor) hole(c *chart, p *patient, head []byte) {
	if len(head) < 16 || len(bytes.Trim(head[:16], "\x00")) > 0 {
		return
	}
	at, err := unix.Seek(int(p.file.Fd()), 0, unix.SEEK_DATA)
	if errors.Is(err, syscall.ENXIO) {
		c.note("hole", fmt.Sprintf("All of its %s are bytes that nobody wrote (NUL); they are no lines.", bytesText(p.info.Size())),
			"Space that is reserved ahead is well; otherwise look for the program that made the file so.")
		return
	}
	if err != nil {
		at = 0
	}
	c.note("hole", fmt.Sprintf("It begins with bytes that nobody wrote (NUL), %s at the least: it was emptied while a program wrote that does not append. They are left out.", bytesText(max(at, 16))),
		"Have the program open the file for appending (O_APPEND), or rotate by renaming instead of copytruncate.")
}

// encoding says how the text is encoded, and whether livetail takes it for that.
func (d *Doctor) encoding(c *chart, log guard.Path, head, last []byte) {
	e, mark := encoding.Detect(head, d.Encodings.Of(log.String()))
	if mark > 0 {
		c.ok("encoding", "The text is %s, as the byte order mark says.", e)
		return
	}
	text := bytes.Trim(append(bytes.Clone(head), last...), "\x00")
	if looks, ok := wide(text); ok && e != looks {
		c.note("encoding", fmt.Sprintf("The text looks like %s without a byte order mark, and is taken for %s.", looks, e), fmt.Sprintf("Say so: --encoding %s=%s.", log, looks))
		return
	}
	if e != encoding.UTF8 {
		c.ok("encoding", "The text is taken for %s, as it was said to be.", e)
		return
	}
	switch {
	case isASCII(text):
		c.ok("encoding", "The text is ASCII.")
	case isUTF8(head) && isUTF8(last):
		c.ok("encoding", "The text is UTF-8.")
	case bytes.Count(text, []byte{0}) > len(text)/64:
		c.note("encoding", "The content is no text: it holds many NUL bytes.", "Name a log in text; livetail shows this as it stands.")
	case isGB(head) && isGB(last):
		c.note("encoding", "The text is no UTF-8; it looks like GB18030 or GBK.", fmt.Sprintf("Say so: --encoding %s=gb18030.", log))
	default:
		c.note("encoding", "The text is not all UTF-8. What is not is shown as it stands, or as \uFFFD.",
			"If it is utf-16le, utf-16be, gbk or gb18030, say so: --encoding PATTERN=NAME. Otherwise have the program write UTF-8.")
	}
}

// wide tells UTF-16 without a mark by the NUL bytes of ASCII characters, which stand on one side.
func wide(b []byte) (encoding.Encoding, bool) {
	if len(b) < 16 {
		return 0, false
	}
	var zero [2]int
	for i, x := range b {
		if x == 0 {
			zero[i%2]++
		}
	}
	half := len(b) / 2
	switch {
	case zero[1] > half/2 && zero[0] < half/16:
		return encoding.UTF16LE, true
	case zero[0] > half/2 && zero[1] < half/16:
		return encoding.UTF16BE, true
	}
	return 0, false
}

func isASCII(b []byte) bool {
	for _, x := range b {
		if x >= utf8.RuneSelf || x == 0 {
			return false
		}
	}
	return true
}

// isUTF8 reports whether a sample is UTF-8 apart from characters that are cut at its ends.
func isUTF8(b []byte) bool {
	for range utf8.UTFMax - 1 {
		if len(b) > 0 && !utf8.RuneStart(b[0]) {
			b = b[1:]
		}
	}
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n <= 1 {
			return !utf8.FullRune(b)
		}
		b = b[n:]
	}
	return true
}

// isGB reports whether a sample is GB18030 from its first line end on, apart from a character that is cut at its end.
func isGB(b []byte) bool {
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		b = b[i:]
	}
	if i := bytes.LastIndexByte(b, '\n'); i > 0 {
		b = b[:i]
	}
	out, err := simplifiedchinese.GB18030.NewDecoder().Bytes(b)
	return err == nil && !bytes.ContainsRune(out, utf8.RuneError)
}

// condition says what the engine knows about a log that is followed now.
func (d *Doctor) condition(c *chart, p *patient) {
	cond, ok := d.Engine.Condition(p.log)
	if !ok {
		return
	}
	what := fmt.Sprintf("It is followed now: %s, %s held open", count(cond.Readers, "reader", "readers"), count(cond.Held, "file", "files"))
	if cond.Deleted > 0 {
		what += ", of which deleted ones take " + bytesText(cond.Deleted) + " of the disk until all readers are past them"
	}
	if cond.Lost > 0 {
		c.note("followed", fmt.Sprintf("%s; %s destroyed before anybody could open it.", what, count(cond.Lost, "generation was", "generations were")),
			"Rotate more rarely, or keep more rotated files: one that exists for 50 ms is not missed.")
		return
	}
	c.ok("followed", "%s.", what)
}
