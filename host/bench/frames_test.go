package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
)

// serverFrame returns a frame as servers send them: without a mask.
func serverFrame(op byte, content string) []byte {
	b := []byte{0x80 | op}
	switch n := len(content); {
	case n < 126:
		b = append(b, byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 127), uint64(n))
	}
	return append(b, content...)
}

func TestFeed_StreamInAnyPieces_ContentIsWholeAndHeartbeatsAreAnswered(t *testing.T) {
	var stream []byte
	want := ""
	random := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{0, 1, 125, 126, smallFrame, smallFrame + 1, 65535, 65536, 200_000} {
		content := strings.Repeat("x", n)
		want += content
		stream = append(stream, serverFrame(opText, content)...)
		stream = append(stream, serverFrame(opText, "ping")...)
		stream = append(stream, serverFrame(opText, `{"t":"ping","id":7,"rtt_ms":0.8,"behind":0}`)...)
		stream = append(stream, serverFrame(opPing, "hello")...)
	}
	stream = append(stream, serverFrame(opClose, "\x03\xe8bye")...)
	answers := string(appendFrame(appendFrame(appendFrame(nil, opText, []byte("pong")), opText, []byte(`{"t":"pong","id":7}`)), opPong, []byte("hello")))
	for _, most := range []int{1, 2, 7, 1000, 1 << 20} {
		var f frames
		var got, answered bytes.Buffer
		var end error
		for rest := stream; len(rest) > 0 && end == nil; {
			n := min(1+random.IntN(most), len(rest))
			answer, err := f.feed(rest[:n], func(b []byte) { got.Write(b) })
			answered.Write(answer)
			rest, end = rest[n:], err
		}
		if got.String() != want {
			t.Errorf("pieces up to %d: %d bytes of content, want %d", most, got.Len(), len(want))
		}
		if answered.String() != strings.Repeat(answers, 9) {
			t.Errorf("pieces up to %d: answered %q", most, answered.String())
		}
		if !errors.Is(end, errClosed) || !strings.Contains(end.Error(), "1000 bye") {
			t.Errorf("pieces up to %d: ended with %v", most, end)
		}
	}
}
