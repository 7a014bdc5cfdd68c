package follow

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"testing"
)

// FuzzPacked reads compressed generations that are whole, of several members, cut off, damaged, or no gzip at all. What is unpacked never
// exceeds the limit; a whole one gives its content, one that is cut off the beginning of it; every error is the one for archives; and
// counting, skipping and looking for the last lines agree with reading it all.
func FuzzPacked(f *testing.F) {
	f.Add([]byte("one\ntwo\nthree"), uint16(0), uint16(0), byte(0), uint16(0), uint16(2))
	f.Add([]byte("one\n\n"), uint16(2), uint16(9), byte(1), uint16(0), uint16(1))
	f.Add([]byte("some text that is damaged\n"), uint16(0), uint16(20), byte(2), uint16(0), uint16(1))
	f.Add([]byte("\x1f\x8b\x08\x00"), uint16(0), uint16(0), byte(3), uint16(0), uint16(0))
	f.Add(bytes.Repeat([]byte("bomb\n"), 100), uint16(0), uint16(0), byte(0), uint16(7), uint16(3))
	z, err := gzip.NewWriterLevel(nil, gzip.BestSpeed) // One for all, and one that begins anew cheaply: making and clearing one takes longer than the rest.
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte, split, at uint16, how byte, limit, last uint16) {
		raw := data
		if how %= 4; how != 3 { // 3: the data is what the archive consists of
			raw = zip(t, z, data[:int(split)%(len(data)+1)], data[int(split)%(len(data)+1):])
		}
		switch spot := int(at) % max(len(raw), 1); how {
		case 1:
			raw = raw[:spot]
		case 2:
			raw[spot] ^= byte(at>>8) | 1
		}
		most := int64(limit)
		if most == 0 {
			most = 1 << 20
		}
		g := &generation{packed: newPacked(&Engine{opts: Options{MaxUnpacked: most}}, bytes.NewReader(raw))}
		got, err := unpackAll(g, int(split)%1000+1)
		switch {
		case int64(len(got)) > most:
			t.Fatalf("%d bytes were unpacked, %d are allowed", len(got), most)
		case err != nil && !errors.Is(err, errCorrupt):
			t.Fatalf("got %v", err)
		case how == 0 && int64(len(data)) < most && (err != nil || !bytes.Equal(got, data)):
			t.Fatalf("got %d bytes of %d: %v", len(got), len(data), err)
		case how == 0 && int64(len(data)) > most && err == nil:
			t.Fatalf("%d bytes were unpacked of %d without a word", len(got), len(data))
		case how < 2 && !bytes.HasPrefix(data, got):
			t.Fatalf("got %q of %q", got, data)
		}
		agree(t, g, got, err, int64(last))
	})
}

// agree holds everything that is found out about g to what reading all of it gave.
func agree(t *testing.T, g *generation, all []byte, failed error, last int64) {
	ctx := context.Background()
	lines := int64(bytes.Count(all, newline))
	ended := len(all) == 0 || all[len(all)-1] == '\n'
	if !ended {
		lines++
	}
	size, n, whole, err := g.count(ctx)
	if err != nil || size != int64(len(all)) || n != lines || whole != ended {
		t.Fatalf("counted %d bytes, %d lines, %v, %v; want %d, %d, %v", size, n, whole, err, len(all), lines, ended)
	}
	if last %= 10; last > 0 && len(all) > 0 {
		off, found, err := lastPackedLines(ctx, g, size, last)
		want, rest := min(last, lines), int64(0)
		if err == nil {
			rest = int64(bytes.Count(all[off:], newline))
		}
		if !ended {
			rest++
		}
		if err != nil || found != want || rest != want || off > 0 && all[off-1] != '\n' {
			t.Fatalf("the last %d lines are %d from %d on, %v; want %d", last, found, off, err, want)
		}
	}
	s, err := g.unpack()
	if err != nil {
		if failed == nil {
			t.Fatal(err)
		}
		return
	}
	half := size / 2
	rest := make([]byte, size-half)
	for range 2 { // Forward, and back.
		if err := s.to(ctx, half); err != nil {
			t.Fatalf("go to %d of %d: %v", half, size, err)
		}
		if n, err := s.read(rest); err != nil && n > 0 || !bytes.Equal(rest[:n], all[half:]) {
			t.Fatalf("got %d bytes from %d on, %v", n, half, err)
		}
	}
}

// unpackAll reads the content of g in chunks.
func unpackAll(g *generation, chunk int) (all []byte, err error) {
	s, err := g.unpack()
	if err != nil {
		return nil, err
	}
	page := make([]byte, chunk)
	for {
		n, err := s.read(page)
		all = append(all, page[:n]...)
		if err != nil || n == 0 {
			return all, err
		}
	}
}

// zip makes an archive of one member for each part, by z.
func zip(t *testing.T, z *gzip.Writer, parts ...[]byte) []byte {
	var out bytes.Buffer
	for _, p := range parts {
		z.Reset(&out)
		_, err := z.Write(p)
		if err := errors.Join(err, z.Close()); err != nil {
			t.Fatal(err)
		}
	}
	return out.Bytes()
}
