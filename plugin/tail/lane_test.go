package tail

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	tailpb "github.com/livetail/livetail/plugin/tail/tailpb/v1"
)

func linesEvent(text string) *tailpb.Event {
	return &tailpb.Event{Event: &tailpb.Event_Lines{Lines: &tailpb.Lines{
		Start: &tailpb.Position{Generation: "g"}, End: &tailpb.Position{Generation: "g", Offset: int64(len(text))}, Text: []byte(text),
	}}}
}

// written is what a laneWriter makes of events.
func written(t *testing.T, events ...*tailpb.Event) []byte {
	t.Helper()
	host, plugin := net.Pipe()
	var out bytes.Buffer
	done := make(chan error, 1)
	go func() { // Ends with the lane.
		_, err := io.Copy(&out, host)
		done <- err
	}()
	w := &laneWriter{conn: plugin}
	for _, e := range events {
		if err := w.send(proto.CloneOf(e)); err != nil {
			t.Fatal(err)
		}
	}
	plugin.Close()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// someEvents are of all kinds and sizes that a lane treats differently.
func someEvents() []*tailpb.Event {
	return []*tailpb.Event{
		linesEvent("one\n"),
		linesEvent(""),
		{Event: &tailpb.Event_CaughtUp{CaughtUp: &tailpb.CaughtUp{At: &tailpb.Position{Generation: "g", Offset: 7}}}},
		linesEvent(strings.Repeat("wide\n", laneBuffer)),
		linesEvent(strings.Repeat("x", MaxBatch)),
		{Event: &tailpb.Event_Late{Late: &tailpb.Late{Lines: linesEvent("late\n").GetLines()}}},
		{Event: &tailpb.Event_Gap{Gap: &tailpb.Gap{Evidence: []string{strings.Repeat("long ", laneBuffer)}}}},
		linesEvent(strings.Repeat("beyond\n", MaxBatch/4)),
		linesEvent("last\n"),
	}
}

func TestLane_EventsOfAllKinds_ArriveAsTheyAre(t *testing.T) {
	r := newLaneReader(bytes.NewReader(written(t, someEvents()...)))
	for i, want := range someEvents() {
		got, err := r.next()
		if err != nil {
			t.Fatalf("event %d: %v", i, err)
		}
		if !proto.Equal(got, want) {
			t.Errorf("event %d is another: %.200v", i, got)
		}
	}
	if _, err := r.next(); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v", err)
	}
}

func TestLane_EndsInTheMiddleOfAnEvent_IsNotTheEnd(t *testing.T) {
	whole := written(t, linesEvent("one\n"))
	for n := 1; n < len(whole); n++ {
		r := newLaneReader(bytes.NewReader(whole[:n]))
		if _, err := r.next(); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("after %d bytes: %v", n, err)
		}
	}
}

func TestLane_WhatIsNoEvent_IsAnError(t *testing.T) {
	for name, b := range map[string][]byte{
		"message beyond all limits": {0xff, 0, 0, 0, 0, 0, 0, 0},
		"text beyond all limits":    {0, 0, 0, 0, 0xff, 0, 0, 0},
		"text of nothing":           {0, 0, 0, 0, 0, 0, 0, 1, 'x'},
		"no message":                {0, 0, 0, 1, 0, 0, 0, 0, 0xff},
	} {
		if _, err := newLaneReader(bytes.NewReader(b)).next(); !errors.Is(err, errLane) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzLane has the host read whatever a plugin may send: it ends with an error or the end, and takes no more memory than the limits.
func FuzzLane(f *testing.F) {
	for _, e := range someEvents()[:3] {
		m, _ := proto.Marshal(e)
		f.Add(append([]byte{0, 0, 0, byte(len(m)), 0, 0, 0, 0}, m...))
	}
	f.Add([]byte{0, 0, 0, 2, 0, 0, 0, 1, 0x0a, 0, 'x'})
	f.Fuzz(func(t *testing.T, in []byte) {
		r := newLaneReader(bytes.NewReader(in))
		for read := 0; ; {
			e, err := r.next()
			if err != nil {
				if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, errLane) {
					t.Fatal(err)
				}
				return
			}
			eventFromProto(e)
			if read += laneLengths; read > len(in) {
				t.Fatal("there are more events than bytes for them")
			}
		}
	})
}

// call is a Follow call of a plugin: its headers, what it sends beside its lane, and how it ends.
type call struct {
	grpc.ClientStream
	header metadata.MD
	events []*tailpb.FollowResponse
	end    error
}

func (c *call) Header() (metadata.MD, error) { return c.header, nil }

func (c *call) Recv() (*tailpb.FollowResponse, error) {
	if len(c.events) == 0 {
		return nil, c.end
	}
	e := c.events[0]
	c.events = c.events[1:]
	return e, nil
}

func TestLaneStream_CallEnds_IsSaidByTheCall(t *testing.T) {
	uses := metadata.Pairs(laneHeader, "1")
	one := written(t, linesEvent("one\n"))
	beside := []*tailpb.FollowResponse{{Event: linesEvent("beside\n")}}
	refused := toStatus(ErrPositionGone)
	for _, c := range []struct {
		name   string
		call   call
		lane   []byte
		events int
		want   error
	}{
		{"all was sent", call{header: uses, end: io.EOF}, one, 1, nil},
		{"refused after an event", call{header: uses, end: refused}, one, 1, ErrPositionGone},
		{"the plugin died", call{header: uses, end: status.Error(codes.Unavailable, "gone")}, one[:len(one)-1], 0, ErrPluginGone},
		{"the plugin left its lane", call{header: uses, end: io.EOF}, one[:len(one)-1], 0, ErrPluginGone},
		{"a plugin without lanes", call{events: beside, end: io.EOF}, nil, 1, nil},
		{"a plugin without lanes refuses", call{end: refused}, nil, 0, ErrPositionGone},
		{"sent beside the lane", call{header: uses, events: beside, end: io.EOF}, one, 1, fmt.Errorf("beside its lane")},
		{"no event", call{header: uses, end: io.EOF}, []byte{0xff, 0, 0, 0, 0, 0, 0, 0}, 0, errLane},
	} {
		host, plugin := net.Pipe()
		go func() { // Ends with the lane.
			_, _ = plugin.Write(c.lane)
			plugin.Close()
		}()
		s := &laneStream{TailerService_FollowClient: &c.call, lane: host}
		events := 0
		var err error
		for ; err == nil; events++ {
			_, err = s.Recv()
		}
		events--
		if errors.Is(err, io.EOF) {
			err = nil
		} else {
			err = fromStatus(t.Context(), err)
		}
		if same := errors.Is(err, c.want) || c.want != nil && err != nil && strings.Contains(err.Error(), c.want.Error()); !same || events != c.events {
			t.Errorf("%s: %d events, then %v", c.name, events, err)
		}
		host.Close()
	}
}
