package lines

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// UTF8 is the name of the encoding that needs no work.
const UTF8 = "utf-8"

var encodings = map[string]encoding.Encoding{
	"utf-16le": unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM),
	"utf-16be": unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM),
	"gbk":      simplifiedchinese.GBK,
	"gb18030":  simplifiedchinese.GB18030,
	"big5":     traditionalchinese.Big5,
	"latin-1":  charmap.ISO8859_1,
}

// Encodings lists the encodings.
func Encodings() []string {
	names := []string{UTF8}
	for name := range encodings {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Encoder turns lines into another encoding. It is not safe for concurrent use.
type Encoder struct {
	name string
	t    transform.Transformer
	buf  []byte
	ends []int
}

// NewEncoder returns the encoder of that name; nil for UTF-8, and for the empty name, which need none.
func NewEncoder(name string) (*Encoder, error) {
	if name == "" || name == UTF8 {
		return nil, nil
	}
	e, ok := encodings[name]
	if !ok {
		return nil, fmt.Errorf("encoding %q is unknown; use one of %s", name, strings.Join(Encodings(), ", "))
	}
	return &Encoder{name: name, t: e.NewEncoder().Transformer}, nil
}

// Mark returns the byte order mark that a file begins with; nil for encodings that have none.
func (e *Encoder) Mark() []byte {
	switch {
	case e == nil:
		return nil
	case e.name == "utf-16le":
		return []byte{0xff, 0xfe}
	case e.name == "utf-16be":
		return []byte{0xfe, 0xff}
	}
	return nil
}

// Check tells whether text can be written in the encoding.
func (e *Encoder) Check(text string) error {
	if e == nil {
		return nil
	}
	if _, _, err := transform.String(e.t, text); err != nil {
		return fmt.Errorf("%.40q cannot be written in %s; choose another message", text, e.name)
	}
	return nil
}

// Encode returns whole lines in the encoding, and where each ends, its line ending included. Both are good until the next call.
func (e *Encoder) Encode(text []byte) (out []byte, ends []int, err error) {
	e.buf, e.ends = e.buf[:0], e.ends[:0]
	for len(text) > 0 {
		end := bytes.IndexByte(text, '\n') + 1
		if end == 0 {
			end = len(text)
		}
		// No encoding here makes more than two bytes of one.
		e.buf = slices.Grow(e.buf, 2*end+8)
		e.t.Reset()
		n, _, err := e.t.Transform(e.buf[len(e.buf):cap(e.buf)], text[:end], true)
		if err != nil {
			return nil, nil, fmt.Errorf("writing %.40q in %s: %w", text[:end], e.name, err)
		}
		e.buf = e.buf[:len(e.buf)+n]
		e.ends = append(e.ends, len(e.buf))
		text = text[end:]
	}
	return e.buf, e.ends, nil
}

// Decode returns a reader of UTF-8 over one of text in the encoding of that name. What is no valid text becomes U+FFFD.
func Decode(name string, r io.Reader) (io.Reader, error) {
	e, err := NewEncoder(name)
	if e == nil || err != nil {
		return r, err
	}
	return transform.NewReader(r, encodings[name].NewDecoder()), nil
}
