package main

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// frames takes the stream of a WebSocket server apart, in whatever pieces it arrives. It costs next to nothing, so that a measure is one
// of the server: content is handed on where it stands, and only what may be a heartbeat is copied. The zero value is ready.
type frames struct {
	head  [10]byte
	have  int    // bytes of head that are there
	left  uint64 // bytes of content that are still to come
	small []byte // the content of a small frame up to now
	// gather is set while a small frame comes.
	gather bool
}

// smallFrame is the length up to which a frame may be a heartbeat or a control frame.
const smallFrame = 512

// errClosed is the end of a stream with a close frame.
var errClosed = errors.New("the server closed the connection")

// feed takes the next bytes of the stream and hands the parts of the content on, which are good until it returns. What it returns is to
// be sent to the server at once.
func (f *frames) feed(b []byte, content func([]byte)) (answer []byte, err error) {
	for len(b) > 0 {
		if f.left == 0 {
			var done bool
			if b, done = f.header(b); !done {
				return answer, nil
			}
			if f.left > 0 {
				continue
			}
		}
		n := min(uint64(len(b)), f.left)
		part := b[:n]
		b = b[n:]
		f.left -= n
		if !f.gather {
			content(part)
			continue
		}
		f.small = append(f.small, part...)
		if f.left > 0 {
			continue
		}
		if answer, err = f.whole(answer, content); err != nil {
			return answer, err
		}
	}
	return answer, nil
}

// header takes bytes of a frame's header; done means that it is complete.
func (f *frames) header(b []byte) (rest []byte, done bool) {
	for {
		need := 2
		if f.have >= 2 {
			switch f.head[1] & 0x7f {
			case 126:
				need = 4
			case 127:
				need = 10
			}
		}
		if f.have == need && f.have >= 2 {
			break
		}
		if len(b) == 0 {
			return nil, false
		}
		n := copy(f.head[f.have:need], b)
		f.have += n
		b = b[n:]
	}
	switch f.have {
	case 4:
		f.left = uint64(binary.BigEndian.Uint16(f.head[2:]))
	case 10:
		f.left = binary.BigEndian.Uint64(f.head[2:])
	default:
		f.left = uint64(f.head[1] & 0x7f)
	}
	f.have = 0
	f.gather, f.small = f.left <= smallFrame, f.small[:0]
	return b, true
}

const (
	opText  = 1
	opClose = 8
	opPing  = 9
	opPong  = 10
)

// whole takes a small frame that is complete.
func (f *frames) whole(answer []byte, content func([]byte)) ([]byte, error) {
	switch op := f.head[0] & 0x0f; {
	case op == opClose && len(f.small) >= 2:
		return answer, fmt.Errorf("%w with code %d %s", errClosed, binary.BigEndian.Uint16(f.small), f.small[2:])
	case op == opClose:
		return answer, errClosed
	case op == opPing:
		return appendFrame(answer, opPong, f.small), nil
	case op == opPong:
		return answer, nil
	}
	if beat := heartbeat(f.small); beat != nil {
		return appendFrame(answer, opText, beat), nil
	}
	content(f.small)
	return answer, nil
}

// heartbeat returns what is to be answered to a frame, nil if it is no heartbeat.
func heartbeat(b []byte) []byte {
	const head = `{"t":"ping","id":`
	if string(b) == "ping" {
		return []byte("pong")
	}
	if len(b) < len(head) || string(b[:len(head)]) != head {
		return nil
	}
	id := b[len(head):]
	n := 0
	for n < len(id) && '0' <= id[n] && id[n] <= '9' {
		n++
	}
	return fmt.Appendf(nil, `{"t":"pong","id":%s}`, id[:n])
}

// appendFrame appends a client's frame of at most 125 bytes. Its mask is zero, which the protocol allows.
func appendFrame(dst []byte, op byte, content []byte) []byte {
	content = content[:min(len(content), 125)]
	dst = append(dst, 0x80|op, 0x80|byte(len(content)), 0, 0, 0, 0)
	return append(dst, content...)
}
