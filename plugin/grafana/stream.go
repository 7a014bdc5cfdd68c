package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/livetail/livetail/host/client"
	"github.com/livetail/livetail/plugin/tail"
)

// frameLines is the most lines in one frame of a stream.
const frameLines = 200

// QueryData implements [backend.QueryDataHandler]: the lines of a log in a range of time.
func (s *source) QueryData(ctx context.Context, req *backend.QueryDataRequest) (*backend.QueryDataResponse, error) {
	out := backend.NewQueryDataResponse()
	for _, q := range req.Queries {
		out.Responses[q.RefID] = s.answer(ctx, q)
	}
	return out, nil
}

func (s *source) answer(ctx context.Context, dq backend.DataQuery) backend.DataResponse {
	q, err := parseQuery(dq.JSON)
	if err != nil {
		return backend.ErrDataResponse(backend.StatusBadRequest, err.Error())
	}
	r := newReader(q.Log, s.zone)
	lines, err := s.history(ctx, r, q, dq.TimeRange)
	if err != nil {
		return backend.ErrDataResponse(statusOf(err), err.Error())
	}
	return backend.DataResponse{Frames: data.Frames{r.frame(dq.RefID, lines)}}
}

// recent is how long ago the end of a range may be for its lines to be looked for among the last ones of the log.
const recent = time.Minute

// history reads the lines of a range: of one that ends now, the last ones; of an older one, the first ones.
func (s *source) history(ctx context.Context, r *reader, q query, in backend.TimeRange) ([]line, error) {
	ctx, cancel := context.WithTimeout(ctx, 3*answerTime)
	defer cancel()
	o := s.options(q)
	o.Once, o.NoReconnect = true, true
	older := !in.To.IsZero() && time.Since(in.To) > recent
	if older {
		o.Start = tail.StartAtTime(in.From)
	}
	var out []line
	for e, err := range client.Follow(ctx, s.address(q.Log), o) {
		if err != nil {
			return nil, err
		}
		for _, l := range r.lines(e) {
			switch {
			case !in.From.IsZero() && l.at.Before(in.From), !in.To.IsZero() && l.at.After(in.To) && !older:
			case older && (l.at.After(in.To) || len(out) >= q.Lines):
				return out, nil
			default:
				out = append(out, l)
			}
		}
	}
	return out[max(0, len(out)-q.Lines):], nil
}

func statusOf(err error) backend.Status {
	switch {
	case errors.Is(err, tail.ErrNotAllowed):
		return backend.StatusForbidden
	case errors.Is(err, tail.ErrNotFound), errors.Is(err, tail.ErrNotRegular):
		return backend.StatusNotFound
	case errors.Is(err, tail.ErrBadRequest), errors.Is(err, tail.ErrUnsupported):
		return backend.StatusBadRequest
	case errors.Is(err, context.DeadlineExceeded):
		return backend.StatusTimeout
	}
	return backend.StatusBadGateway
}

// SubscribeStream implements [backend.StreamHandler]. The query comes with the subscription; the path of the channel only tells one from another.
// What is sent at once is the form of the frames, for those who join a stream that runs already.
func (s *source) SubscribeStream(_ context.Context, req *backend.SubscribeStreamRequest) (*backend.SubscribeStreamResponse, error) {
	q, err := parseQuery(req.Data)
	if err != nil {
		return &backend.SubscribeStreamResponse{Status: backend.SubscribeStreamStatusNotFound}, nil //nolint:nilerr // That is the answer.
	}
	initial, err := backend.NewInitialFrame(newReader(q.Log, s.zone).frame("", nil), data.IncludeSchemaOnly)
	if err != nil {
		return nil, fmt.Errorf("make the first frame: %w", err)
	}
	return &backend.SubscribeStreamResponse{Status: backend.SubscribeStreamStatusOK, InitialData: initial}, nil
}

// PublishStream implements [backend.StreamHandler]: nobody may write to a log.
func (s *source) PublishStream(context.Context, *backend.PublishStreamRequest) (*backend.PublishStreamResponse, error) {
	return &backend.PublishStreamResponse{Status: backend.PublishStreamStatusPermissionDenied}, nil
}

// RunStream implements [backend.StreamHandler]: the last lines of a log and then each new one, until the last viewer has left. When the connection
// to livetail breaks, it goes on at the very byte; what nobody can mend ends it with an error, after which Grafana calls it again.
func (s *source) RunStream(ctx context.Context, req *backend.RunStreamRequest, sender *backend.StreamSender) error {
	q, err := parseQuery(req.Data)
	if err != nil {
		return err
	}
	r := newReader(q.Log, s.zone)
	o := s.options(q)
	o.Wait = true // A log may come into being while a dashboard shows it.
	include := data.IncludeAll
	for e, err := range client.Follow(ctx, s.address(q.Log), o) {
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("follow %s: %w", q.Log, err)
		}
		lines := r.lines(e)
		for len(lines) > 0 {
			n := min(len(lines), frameLines)
			if err := sender.SendFrame(r.frame("", lines[:n]), include); err != nil {
				return fmt.Errorf("send to Grafana: %w", err)
			}
			lines, include = lines[n:], data.IncludeDataOnly
		}
	}
	return nil
}
