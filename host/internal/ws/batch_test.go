package ws

import (
	"bytes"
	"math/rand/v2"
	"net"
	"testing"
	"time"
)

// pieces is a connection that keeps what is written.
type pieces struct {
	net.Conn
	all bytes.Buffer
}

func (p *pieces) SetWriteDeadline(time.Time) error { return nil }

func (p *pieces) Write(b []byte) (int, error) {
	return p.all.Write(b)
}

func TestBatch_PayloadsOfAnySize_ComeOutAsTheirFramesInOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		wire := &pieces{}
		b := &batch{conn: &conn{server: &Server{}, socket: &socket{Conn: wire, stall: time.Hour, resumes: r.IntN(2) == 0}}}
		var want []byte
		for range r.IntN(200) {
			payload := bytes.Repeat([]byte{byte('a' + r.IntN(26))}, []int{0, 5, 125, 126, 900, 1024, 1025, 5000, 70_000}[r.IntN(9)])
			lasting := r.IntN(2) == 0
			b.put(opText, payload, lasting)
			want = append(appendHeader(want, opText, len(payload)), payload...)
			if b.full() || r.IntN(20) == 0 {
				if err := b.flush(); err != nil {
					t.Fatal(err)
				}
			}
			if !lasting && len(payload) > smallPayload {
				clear(payload) // It had to be written by now.
			}
			if b.out != nil && (cap(b.out.copied) != batchCopied+smallPayload+64 || b.out.size > batchSize+70_000) {
				t.Fatalf("%d bytes wait, %d are copied", b.out.size, cap(b.out.copied))
			}
		}
		if err := b.flush(); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(wire.all.Bytes(), want) {
			t.Fatalf("%d bytes came out, want %d", wire.all.Len(), len(want))
		}
	}
}

func TestBatch_FramesThatAllShare_WaitForEachOther(t *testing.T) {
	b := &batch{conn: &conn{server: &Server{}}}
	n := 0
	for ; !b.full(); n++ {
		b.put(opText, make([]byte, 3000), true)
	}
	if n != (batchSize+2999)/3000 {
		t.Errorf("%d frames of 3,000 bytes are written at once, want what comes to %d bytes", n, batchSize)
	}
}
