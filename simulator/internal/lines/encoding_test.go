package lines_test

import (
	"bytes"
	"io"
	"slices"
	"testing"

	"github.com/livetail/livetail/simulator/internal/lines"
)

func TestEncode_EveryEncoding_ComesBackAsItWas(t *testing.T) {
	for _, name := range lines.Encodings() {
		e, err := lines.NewEncoder(name)
		if err != nil {
			t.Fatal(err)
		}
		if e == nil {
			continue // UTF-8
		}
		// U+0A0A has the byte of a newline twice in UTF-16.
		message := lines.DefaultMessage
		if e.Check(message) != nil {
			message = "Grüße"
		}
		if e.Check("\u0a0a") == nil {
			message += "\u0a0a"
		}
		f := formatter(t, lines.Options{Sequence: true})
		s := lines.NewSource(lines.SourceOptions{Message: message, TraceEvery: 3})
		var text []byte
		for range 50 {
			r := s.Next(noon, 100)
			text, _ = f.Append(text, &r)
		}
		out, ends, err := e.Encode(text)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if bytes.Equal(out, text) {
			t.Errorf("%s is UTF-8", name)
		}
		if len(ends) != bytes.Count(text, []byte("\n")) || ends[len(ends)-1] != len(out) || !slices.IsSorted(ends) {
			t.Fatalf("%s: ends %v of %d", name, ends, len(out))
		}
		whole := append(slices.Clone(e.Mark()), out...)
		r, err := lines.Decode(name, bytes.NewReader(whole))
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		if err != nil || !bytes.Equal(bytes.TrimPrefix(got, []byte("\ufeff")), text) {
			t.Errorf("%s: %.200q came back (%v)", name, got, err)
		}
		from := 0
		for _, end := range ends {
			r, _ := lines.Decode(name, bytes.NewReader(out[from:end]))
			line, _ := io.ReadAll(r)
			if bytes.Count(line, []byte("\n")) != 1 || line[len(line)-1] != '\n' {
				t.Fatalf("%s: %q is no line", name, line)
			}
			from = end
		}
	}
}

func TestNewEncoder_UnknownOrUnwritable_IsRefused(t *testing.T) {
	if _, err := lines.NewEncoder("ebcdic"); err == nil {
		t.Error("an unknown encoding is accepted")
	}
	if _, err := lines.Decode("ebcdic", nil); err == nil {
		t.Error("an unknown encoding is decoded")
	}
	e, _ := lines.NewEncoder("gbk")
	if e.Check("\U0001f600") == nil {
		t.Error("a face is written in GBK")
	}
	if _, _, err := e.Encode([]byte("\U0001f600\n")); err == nil {
		t.Error("a face is encoded in GBK")
	}
	if err := e.Check(lines.DefaultMessage); err != nil {
		t.Error(err)
	}
}
