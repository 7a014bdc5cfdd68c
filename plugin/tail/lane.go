package tail

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	tailpb "github.com/livetail/livetail/plugin/tail/tailpb/v1"
)

// A lane carries the events of one Follow call beside the gRPC connection: a pair of connected sockets of which the host keeps one and
// hands the other to the plugin. What goes through it is neither encrypted nor copied through the buffers of HTTP/2 and protobuf, and wakes
// one goroutine instead of three, which is what counts for a single line. The kernel gives what a lane needs: privacy (nobody
// else holds the sockets), flow control, and an end when either side closes it or dies. How the call ended is said by gRPC as ever.
//
// An event is a header of two numbers of four bytes, the length of its message and that of its text; the message, which is a
// tailpb.Event without its text; and the text. See docs/adr/0004.

const (
	// laneHeader is the header by which a plugin says that the events of a call go through its lane.
	laneHeader = "livetail-lane"
	// laneLengths is how long the header of an event is, in bytes.
	laneLengths = 8
	// laneBuffer is how much the host reads ahead, in bytes: a few lines with all that belongs to them. More goes where it belongs at once.
	laneBuffer = 4 << 10
	// largeText is the least text for which memory is used again, in bytes.
	largeText = 32 << 10
)

// laneWriter is the plugin's side of a lane.
type laneWriter struct {
	conn    net.Conn
	message []byte // memory for the next one
}

// send sends an event, whose text it takes out of it.
func (w *laneWriter) send(e *tailpb.Event) error {
	var text []byte
	if l := textOf(e); l != nil {
		text, l.Text = l.Text, nil
	}
	m, err := proto.MarshalOptions{}.MarshalAppend(append(w.message[:0], make([]byte, laneLengths)...), e)
	if err != nil {
		return status.Errorf(codes.Internal, "encode an event: %v", err)
	}
	w.message = m
	if len(m) > laneBuffer {
		w.message = nil
	}
	binary.BigEndian.PutUint32(m, uint32(len(m)-laneLengths))
	binary.BigEndian.PutUint32(m[laneLengths/2:], uint32(len(text)))
	parts := net.Buffers{m, text}
	if _, err := parts.WriteTo(w.conn); err != nil {
		return status.Errorf(codes.Unavailable, "the host left its lane: %v", err)
	}
	return nil
}

// textOf is the part of e that holds its text; nil if it has none.
func textOf(e *tailpb.Event) *tailpb.Lines {
	if late := e.GetLate(); late != nil {
		return late.GetLines()
	}
	return e.GetLines()
}

// laneReader is the host's side of a lane.
type laneReader struct {
	r       *bufio.Reader
	message []byte  // memory for the next one
	text    *[]byte // where the text of the event stands that was returned last, if it is a large one
}

func newLaneReader(r io.Reader) *laneReader {
	return &laneReader{r: bufio.NewReaderSize(r, laneBuffer)}
}

// Rooms for large texts that nobody uses: fresh memory would cost more than what is done with it. Most readings that rest have half a batch
// waiting, which need not take the room of a whole one.
var (
	wholeTexts = sync.Pool{New: func() any { return newText(MaxBatch) }}
	halfTexts  = sync.Pool{New: func() any { return newText(MaxBatch / 2) }}
)

func newText(n int) *[]byte {
	b := make([]byte, n)
	return &b
}

// textsFor are the rooms for texts of n bytes.
func textsFor(n int) *sync.Pool {
	if n <= MaxBatch/2 {
		return &halfTexts
	}
	return &wholeTexts
}

// errLane is what a plugin sends that is no event.
var errLane = errors.New("the plugin sends what is no event")

// next returns the next event, whose text is good until it is called again. At the end of the lane, and only between two events, the error is
// io.EOF.
func (l *laneReader) next() (*tailpb.Event, error) {
	if l.text != nil {
		spoil(*l.text)
		textsFor(len(*l.text)).Put(l.text)
		l.text = nil
	}
	header, err := l.r.Peek(laneLengths)
	if err != nil {
		if errors.Is(err, io.EOF) && len(header) > 0 {
			return nil, io.ErrUnexpectedEOF
		}
		return nil, err
	}
	length, text := binary.BigEndian.Uint32(header), binary.BigEndian.Uint32(header[laneLengths/2:])
	if length > maxToHost || text > maxToHost {
		return nil, fmt.Errorf("%w: %d and %d bytes; %d are allowed", errLane, length, text, maxToHost)
	}
	_, _ = l.r.Discard(laneLengths) // They have just been looked at.
	message, err := l.whole(int(length))
	if err != nil {
		return nil, err
	}
	e := &tailpb.Event{}
	if err := proto.Unmarshal(message, e); err != nil {
		return nil, fmt.Errorf("%w: %w", errLane, err)
	}
	if text == 0 {
		return e, nil
	}
	into := textOf(e)
	if into == nil {
		return nil, fmt.Errorf("%w: %d bytes of text that belong to nothing", errLane, text)
	}
	into.Text = l.room(int(text))
	return e, unexpected(io.ReadFull(l.r, into.Text))
}

// room returns memory for a text of n bytes.
func (l *laneReader) room(n int) []byte {
	if n < largeText || n > MaxBatch {
		return make([]byte, n)
	}
	l.text = textsFor(n).Get().(*[]byte)
	return (*l.text)[:n:n]
}

// whole returns the next n bytes, which are good until the next call.
func (l *laneReader) whole(n int) ([]byte, error) {
	if cap(l.message) < n {
		l.message = make([]byte, n)
	}
	m := l.message[:n]
	if n > laneBuffer {
		l.message = nil
	}
	return m, unexpected(io.ReadFull(l.r, m))
}

// unexpected is the error of a read in the middle of an event.
func unexpected(_ int, err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// laneStream is the host's side of a Follow call that has a lane. The plugin may not use it: one that knows nothing of lanes sends its
// events by gRPC.
type laneStream struct {
	tailpb.TailerService_FollowClient
	lane   net.Conn
	reader *laneReader // of a plugin that uses the lane
	asked  bool
}

// Recv reads the next event, wherever it comes.
func (s *laneStream) Recv() (*tailpb.FollowResponse, error) {
	if !s.asked {
		s.asked = true
		// Without headers the call has failed, and Recv says how.
		if md, err := s.Header(); err == nil && len(md.Get(laneHeader)) > 0 {
			s.reader = newLaneReader(s.lane)
		}
	}
	if s.reader == nil {
		return s.TailerService_FollowClient.Recv()
	}
	e, err := s.reader.next()
	switch {
	case err == nil:
		return &tailpb.FollowResponse{Event: e}, nil
	case errors.Is(err, errLane):
		return nil, status.Error(codes.Internal, err.Error())
	}
	s.lane.Close() // A plugin that is still about to send something is not waited for.
	if _, how := s.TailerService_FollowClient.Recv(); how == nil {
		return nil, status.Error(codes.Internal, "the plugin sends events beside its lane")
	} else if !errors.Is(how, io.EOF) {
		return nil, how
	}
	if !errors.Is(err, io.EOF) {
		return nil, status.Errorf(codes.Unavailable, "the plugin left its lane: %v", err)
	}
	return nil, io.EOF
}

// useLane tells the host that the events of a call go through lane, and returns what sends them.
func useLane(lane net.Conn, stream tailpb.TailerService_FollowServer) (*laneWriter, error) {
	if err := stream.SendHeader(metadata.Pairs(laneHeader, "1")); err != nil {
		return nil, err
	}
	return &laneWriter{conn: lane}, nil
}

// interruptible has what is under way on c fail when ctx ends. The function it returns ends the watch.
func interruptible(ctx context.Context, c net.Conn) (stop func() bool) {
	return context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) }) // fails only on a closed connection
}
