package tail

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	tailpb "github.com/livetail/livetail/plugin/tail/tailpb/v1"
)

// A lane carries the text of one Follow call beside the gRPC connection: a pair of connected sockets of which the host keeps one and hands
// the other to the plugin. Large batches go through it as they are, so that a log that is read fast is neither encrypted nor
// copied through the buffers of HTTP/2 and protobuf; everything else of an event stays in its gRPC message, which comes first and says how
// many bytes of the lane are its text. The kernel gives what a lane needs: privacy (nobody else holds the sockets), flow control, and an
// end when either side closes it or dies.
//
// Lanes are handed over through the one socket that the plugin inherits, the post: a datagram for each, with a ticket that the
// FollowRequest names. Without a post or without a lane all text stands in the messages. See docs/adr/0004.

const (
	// laneVariable tells the plugin the descriptor of its post.
	laneVariable = "LIVETAIL_PLUGIN_POST"
	// laneLeast is the least text that goes through a lane, in bytes; below it a message of its own costs less than two system calls.
	laneLeast = 8 << 10
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

// laneStream is the host's side of a Follow call with a lane: it puts the text back into the messages.
type laneStream struct {
	receiver[tailpb.FollowResponse]
	lane net.Conn
}

// Recv reads the next message, with its text.
func (s laneStream) Recv() (*tailpb.FollowResponse, error) {
	m, err := s.receiver.Recv()
	if err != nil {
		return nil, err
	}
	l := m.GetEvent().GetLines()
	n := l.GetLaneBytes()
	if n == 0 {
		return m, nil
	}
	switch {
	case s.lane == nil:
		return nil, status.Error(codes.Internal, "the plugin sends text through a lane that it was not given")
	case n > maxToHost:
		return nil, status.Errorf(codes.ResourceExhausted, "the plugin sends a batch of %d bytes; %d are allowed", n, maxToHost)
	}
	l.Text = make([]byte, n)
	if _, err := io.ReadFull(s.lane, l.Text); err != nil {
		return nil, status.Errorf(codes.Unavailable, "the plugin left its lane: %v", err)
	}
	return m, nil
}

// interruptible has what is under way on c fail when ctx ends. The function it returns ends the watch.
func interruptible(ctx context.Context, c net.Conn) (stop func() bool) {
	return context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) }) // fails only on a closed connection
}

// sendThrough sends m, the text of large batches through lane, which may be nil.
func sendThrough(lane net.Conn, send func(*tailpb.FollowResponse) error, m *tailpb.FollowResponse) error {
	l := m.GetEvent().GetLines()
	if lane == nil || len(l.GetText()) < laneLeast {
		return send(m)
	}
	text := l.Text
	l.Text, l.LaneBytes = nil, uint32(len(text))
	if err := send(m); err != nil {
		return err
	}
	if _, err := lane.Write(text); err != nil {
		return status.Errorf(codes.Unavailable, "the host left its lane: %v", err)
	}
	return nil
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
