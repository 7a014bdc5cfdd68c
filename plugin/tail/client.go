package tail

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"sync"
	"unicode/utf8"

	tailpb "github.com/livetail/livetail/plugin/tail/tailpb/v1"
)

// client is the host's side of the wire: a [Tailer] that asks the plugin.
type client struct {
	rpc  tailpb.TailerServiceClient
	post *post // hands lanes to the plugin; nil if there are none
}

var _ Tailer = (*client)(nil)

func (c *client) Info(ctx context.Context) (Info, error) {
	r, err := c.rpc.Info(ctx, &tailpb.InfoRequest{})
	if err != nil {
		return Info{}, fromStatus(ctx, err)
	}
	return Info{Name: r.GetName(), Version: r.GetVersion(), Roots: r.GetRoots(), Capabilities: r.GetCapabilities()}, nil
}

func (c *client) List(ctx context.Context, req ListRequest) iter.Seq2[Entry, error] {
	in := &tailpb.ListRequest{Prefix: req.Prefix, Limit: int32(min(max(req.Limit, -1), 1<<30))}
	if err := checkText(req.Prefix); err != nil {
		return refused[Entry](err)
	}
	return receive(ctx,
		func(ctx context.Context) (receiver[tailpb.ListResponse], error) { return c.rpc.List(ctx, in) },
		func(m *tailpb.ListResponse) (Entry, bool) { return entryFromProto(m), true })
}

func (c *client) Follow(ctx context.Context, req FollowRequest) iter.Seq2[Event, error] {
	if err := checkText(req.Log, req.Filter.Include, req.Filter.Exclude); err != nil {
		return refused[Event](err)
	}
	return func(yield func(Event, error) bool) {
		in := followToProto(req)
		lane, ticket := c.post.open()
		if lane != nil {
			defer c.post.close(lane, ticket)
			defer interruptible(ctx, lane)()
			in.Lane = ticket
		}
		receive(ctx,
			func(ctx context.Context) (receiver[tailpb.FollowResponse], error) {
				stream, err := c.rpc.Follow(ctx, in)
				if lane == nil || err != nil {
					return stream, err
				}
				return &laneStream{TailerService_FollowClient: stream, lane: lane}, nil
			},
			func(m *tailpb.FollowResponse) (Event, bool) {
				e := eventFromProto(m.GetEvent())
				return e, e != nil
			})(yield)
	}
}

func (c *client) Read(ctx context.Context, req ReadRequest) (Page, error) {
	if err := checkText(req.Log, req.Filter.Include, req.Filter.Exclude); err != nil {
		return Page{}, err
	}
	r, err := c.rpc.Read(ctx, readToProto(req))
	if err != nil {
		return Page{}, fromStatus(ctx, err)
	}
	return pageFromProto(r), nil
}

func (c *client) Scan(ctx context.Context, req ScanRequest) iter.Seq2[ScanReport, error] {
	if err := checkText(req.Log, req.Filter.Include, req.Filter.Exclude); err != nil {
		return refused[ScanReport](err)
	}
	if err := req.Check(); err != nil { // The wire has narrower numbers than the request.
		return refused[ScanReport](err)
	}
	in := scanToProto(req)
	return receive(ctx,
		func(ctx context.Context) (receiver[tailpb.ScanResponse], error) { return c.rpc.Scan(ctx, in) },
		func(m *tailpb.ScanResponse) (ScanReport, bool) { return reportFromProto(m), true })
}

func (c *client) Diagnose(ctx context.Context, log string) (Report, error) {
	if err := checkText(log); err != nil {
		return Report{}, err
	}
	r, err := c.rpc.Diagnose(ctx, &tailpb.DiagnoseRequest{Log: log})
	if err != nil {
		return Report{}, fromStatus(ctx, err)
	}
	return findingsFromProto(r), nil
}

// Heartbeat waits, when the loop over it is left, until in has ended; in has to end when ctx is cancelled.
func (c *client) Heartbeat(ctx context.Context, in iter.Seq[Beat]) iter.Seq2[Order, error] {
	return func(yield func(Order, error) bool) {
		callCtx, cancel := context.WithCancel(ctx)
		var sender sync.WaitGroup
		defer sender.Wait()
		defer cancel()
		stream, err := c.rpc.Heartbeat(callCtx)
		if err != nil {
			yield(Order{}, fromStatus(ctx, err))
			return
		}
		sender.Go(func() {
			for b := range in {
				if stream.Send(beatToProto(b)) != nil {
					return // Recv says why.
				}
			}
			_ = stream.CloseSend()
		})
		for {
			m, err := stream.Recv()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield(Order{}, fromStatus(ctx, err))
				return
			}
			if !yield(Order{Kind: OrderKind(m.GetKind()), Session: m.GetSession()}, nil) {
				return
			}
		}
	}
}

// checkText refuses what the wire cannot carry: its strings are UTF-8.
func checkText(log string, patterns ...[]string) error {
	if !utf8.ValidString(log) {
		return fmt.Errorf("the name of the log is not valid UTF-8: %w", ErrBadRequest)
	}
	for _, p := range slices.Concat(patterns...) {
		if !utf8.ValidString(p) {
			return fmt.Errorf("the pattern %q is not valid UTF-8: %w", p, ErrBadRequest)
		}
	}
	return nil
}

// refused is the sequence that holds nothing but an error.
func refused[T any](err error) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		yield(none, err)
	}
}

// receiver is the part of a gRPC client stream that receive needs.
type receiver[M any] interface{ Recv() (*M, error) }

// receive is the iterator over a server stream. convert reports false for a message that is to be skipped.
func receive[M, T any](
	ctx context.Context,
	open func(context.Context) (receiver[M], error),
	convert func(*M) (T, bool),
) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		callCtx, cancel := context.WithCancel(ctx)
		defer cancel()
		stream, err := open(callCtx)
		if err != nil {
			yield(none, fromStatus(ctx, err))
			return
		}
		for {
			m, err := stream.Recv()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield(none, fromStatus(ctx, err))
				return
			}
			if v, ok := convert(m); ok && !yield(v, nil) {
				return
			}
		}
	}
}
