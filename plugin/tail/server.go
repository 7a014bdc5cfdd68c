package tail

import (
	"context"
	"fmt"
	"iter"
	"unicode/utf8"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	tailpb "github.com/livetail/livetail/plugin/tail/tailpb/v1"
)

// server is the plugin's side of the wire. A panic of the implementation ends the call it happened in, nothing else.
type server struct {
	tailpb.UnimplementedTailerServiceServer
	impl   Tailer
	sorter *sorter // where lanes arrive; nil if there are none
}

func (s *server) Info(ctx context.Context, _ *tailpb.InfoRequest) (out *tailpb.InfoResponse, err error) {
	defer recovered(&err)
	info, err := s.impl.Info(ctx)
	if err != nil {
		return nil, toStatus(err)
	}
	return &tailpb.InfoResponse{
		Name: info.Name, Version: info.Version, Roots: info.Roots, Capabilities: info.Capabilities,
	}, nil
}

func (s *server) List(req *tailpb.ListRequest, stream tailpb.TailerService_ListServer) (err error) {
	defer recovered(&err)
	r := ListRequest{Prefix: req.GetPrefix(), Limit: int(req.GetLimit())}
	for e, err := range s.impl.List(stream.Context(), r) {
		if err != nil {
			return toStatus(err)
		}
		if !utf8.ValidString(e.Log) {
			continue // The wire cannot carry it, so it could not be asked for either.
		}
		if err := stream.Send(entryToProto(e)); err != nil {
			return err
		}
	}
	return nil
}

func (s *server) Follow(req *tailpb.FollowRequest, stream tailpb.TailerService_FollowServer) (err error) {
	defer recovered(&err)
	ctx := stream.Context()
	send := func(e *tailpb.Event) error { return stream.Send(&tailpb.FollowResponse{Event: e}) }
	if lane := s.sorter.take(ctx, req.GetLane()); lane != nil {
		defer lane.Close()
		defer interruptible(ctx, lane)()
		w, err := useLane(lane, stream)
		if err != nil {
			return err
		}
		send = w.send
	}
	for e, err := range s.impl.Follow(ctx, followFromProto(req)) {
		if err != nil {
			return toStatus(err)
		}
		if err := send(eventToProto(e)); err != nil {
			return err
		}
	}
	return nil
}

func (s *server) Read(ctx context.Context, req *tailpb.ReadRequest) (out *tailpb.ReadResponse, err error) {
	defer recovered(&err)
	page, err := s.impl.Read(ctx, readFromProto(req))
	if err != nil {
		return nil, toStatus(err)
	}
	return pageToProto(page), nil
}

func (s *server) Scan(req *tailpb.ScanRequest, stream tailpb.TailerService_ScanServer) (err error) {
	defer recovered(&err)
	for r, err := range s.impl.Scan(stream.Context(), scanFromProto(req)) {
		if err != nil {
			return toStatus(err)
		}
		if err := stream.Send(reportToProto(r)); err != nil {
			return err
		}
	}
	return nil
}

func (s *server) Diagnose(ctx context.Context, req *tailpb.DiagnoseRequest) (out *tailpb.DiagnoseResponse, err error) {
	defer recovered(&err)
	report, err := s.impl.Diagnose(ctx, req.GetLog())
	if err != nil {
		return nil, toStatus(err)
	}
	return findingsToProto(report), nil
}

func (s *server) Heartbeat(stream tailpb.TailerService_HeartbeatServer) (err error) {
	defer recovered(&err)
	ctx, cancel := context.WithCancel(stream.Context())
	defer cancel()
	for o, err := range s.impl.Heartbeat(ctx, beats(ctx, stream)) {
		if err != nil {
			cancel() // Ends beats before the implementation waits for it, here and below.
			return toStatus(err)
		}
		if err := stream.Send(&tailpb.HeartbeatResponse{Kind: tailpb.OrderKind(o.Kind), Session: o.Session}); err != nil {
			cancel()
			return err
		}
	}
	return nil
}

// beats is the sequence of what arrives on stream. It ends with the stream or when ctx is cancelled. The goroutine that receives
// outlives it by no more than the call, whose end makes Recv return.
func beats(ctx context.Context, stream tailpb.TailerService_HeartbeatServer) iter.Seq[Beat] {
	return func(yield func(Beat) bool) {
		in := make(chan Beat)
		go func() {
			defer close(in)
			for {
				m, err := stream.Recv()
				if err != nil {
					return // io.EOF or the end of the call.
				}
				select {
				case in <- beatFromProto(m):
				case <-ctx.Done():
					return
				}
			}
		}()
		for {
			select {
			case b, ok := <-in:
				if !ok || !yield(b) {
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}
}

// recovered turns a panic into the error of the call.
func recovered(err *error) {
	if r := recover(); r != nil {
		*err = status.Error(codes.Internal, fmt.Sprintf("the tailer panicked: %v", r))
	}
}
