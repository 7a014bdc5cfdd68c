package tail

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"sync"
	"time"
)

// Lanes are handed over through the one socket that the plugin inherits, the post: a datagram for each, with a ticket that the
// FollowRequest names. Without a post or without a lane, events are messages of the gRPC stream.

const (
	// laneVariable tells the plugin the descriptor of its post.
	laneVariable = "LIVETAIL_PLUGIN_POST"
	// maxLanes is how many lanes a host has at the same time; further calls do without.
	maxLanes = 256
	// postPatience is how long a lane may be on its way to the plugin, and how long the host waits for a plugin that does not
	// take its post. Both are over at once unless a process is stopped.
	postPatience = time.Second
)

// The kinds of a datagram, its first byte; the ticket follows in 8 bytes.
const (
	postLane = 'L' // with the plugin's socket
	postDone = 'D' // the call is over: throw the lane away if nobody has taken it
)

const postLength = 9

func appendPost(dst []byte, kind byte, ticket uint64) []byte {
	return binary.BigEndian.AppendUint64(append(dst, kind), ticket)
}

// sorter is the plugin's end of the post: it keeps the lanes that have arrived until their calls take them. Its goroutine ends when the
// host closes the post.
type sorter struct {
	mu    sync.Mutex // guards lanes
	lanes map[uint64]chan net.Conn
}

// slot is where the lane of a ticket arrives.
func (s *sorter) slot(ticket uint64) chan net.Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.lanes[ticket]
	if !ok {
		c = make(chan net.Conn, 1)
		s.lanes[ticket] = c
	}
	return c
}

// drop forgets a ticket and closes its lane if nobody has taken it.
func (s *sorter) drop(ticket uint64) {
	s.mu.Lock()
	c := s.lanes[ticket]
	delete(s.lanes, ticket)
	s.mu.Unlock()
	select {
	case lane := <-c:
		lane.Close()
	default:
	}
}

// take returns the lane of a call, which the caller closes; nil if it has none.
func (s *sorter) take(ctx context.Context, ticket uint64) net.Conn {
	if s == nil || ticket == 0 {
		return nil
	}
	defer s.drop(ticket)
	patience := time.NewTimer(postPatience)
	defer patience.Stop()
	select {
	case lane := <-s.slot(ticket):
		return lane
	case <-ctx.Done():
	case <-patience.C:
	}
	return nil
}

// sort takes in what comes by the post until it ends.
func (s *sorter) sort(receive func() (kind byte, ticket uint64, lane net.Conn, err error)) error {
	for {
		kind, ticket, lane, err := receive()
		switch {
		case err != nil:
			return err
		case kind == postDone:
			s.drop(ticket)
		case kind != postLane || lane == nil:
			return fmt.Errorf("the post holds a message of the unknown kind %q", kind)
		default:
			select {
			case s.slot(ticket) <- lane:
			default:
				lane.Close() // A ticket is given once.
			}
		}
	}
}
