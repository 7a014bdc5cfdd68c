package tail

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	tailpb "github.com/livetail/livetail/plugin/tail/tailpb/v1"
)

// failing is a tailer all of whose calls fail.
type failing struct{ err error }

func (f failing) Info(context.Context) (Info, error) { return Info{}, f.err }
func (f failing) Scan(context.Context, ScanRequest) iter.Seq2[ScanReport, error] {
	return refused[ScanReport](f.err)
}

func (f failing) List(context.Context, ListRequest) iter.Seq2[Entry, error] {
	return refused[Entry](f.err)
}
func (f failing) Follow(context.Context, FollowRequest) iter.Seq2[Event, error] {
	return refused[Event](f.err)
}
func (f failing) Read(context.Context, ReadRequest) (Page, error) { return Page{}, f.err }
func (f failing) Diagnose(context.Context, string) (Report, error) {
	return Report{}, f.err
}
func (f failing) Heartbeat(context.Context, iter.Seq[Beat]) iter.Seq2[Order, error] {
	return refused[Order](f.err)
}

// errorsOf returns what each call of a tailer fails with.
func errorsOf(t *testing.T, x Tailer) map[string]error {
	ctx := t.Context()
	out := map[string]error{}
	_, out["Info"] = x.Info(ctx)
	_, out["Read"] = x.Read(ctx, ReadRequest{})
	_, out["Diagnose"] = x.Diagnose(ctx, "/a.log")
	for _, err := range x.List(ctx, ListRequest{}) {
		out["List"] = err
	}
	for _, err := range x.Follow(ctx, FollowRequest{}) {
		out["Follow"] = err
	}
	for _, err := range x.Heartbeat(ctx, func(func(Beat) bool) {}) {
		out["Heartbeat"] = err
	}
	return out
}

func TestErrors_SurviveTheWireAsThemselves(t *testing.T) {
	all := []error{
		ErrNotAllowed, ErrNotFound, ErrNotRegular, ErrUnreadable, ErrPositionGone, ErrBadRequest, ErrUnsupported, ErrTooMany,
	}
	if len(all) != len(sentinels) || len(all) != len(tailpb.ErrorCode_name)-1 {
		t.Errorf("%d errors here, %d in the table, %d on the wire", len(all), len(sentinels), len(tailpb.ErrorCode_name)-1)
	}
	for _, want := range all {
		// The text may be long, and the name of a file need not be UTF-8.
		for _, text := range []string{"open \xff\xfe", strings.Repeat("ä", maxErrorText)} {
			sent := fmt.Errorf("%s: %w", text, want)
			for call, got := range errorsOf(t, OverGRPC(t, failing{sent})) {
				for _, sentinel := range all {
					if errors.Is(got, sentinel) != errors.Is(want, sentinel) {
						t.Errorf("%s: %v arrived as %.100v", call, want, got)
					}
				}
				if !strings.HasPrefix(got.Error(), text[:4]) {
					t.Errorf("%s: the text %.50q arrived as %.50q", call, sent, got)
				}
			}
		}
	}
}

func TestErrors_OthersKeepTheirText(t *testing.T) {
	for call, got := range errorsOf(t, OverGRPC(t, failing{io.ErrUnexpectedEOF})) {
		if got == nil || got.Error() != "unexpected EOF" {
			t.Errorf("%s: %v", call, got)
		}
	}
	// A context that ended in the plugin is not that of the caller.
	for call, got := range errorsOf(t, OverGRPC(t, failing{context.Canceled})) {
		if got == nil || errors.Is(got, context.Canceled) {
			t.Errorf("%s: %v", call, got)
		}
	}
}

func TestErrors_CallThatThePluginDoesNotKnow_IsErrUnsupported(t *testing.T) {
	err := fromStatus(t.Context(), status.Error(codes.Unimplemented, "unknown method"))
	if !errors.Is(err, ErrUnsupported) {
		t.Errorf("got %v", err)
	}
}

func TestClient_NameThatIsNotUTF8_IsErrBadRequest(t *testing.T) {
	x := OverGRPC(t, failing{io.ErrUnexpectedEOF})
	bad := "/logs/\xff"
	for _, err := range x.Follow(t.Context(), FollowRequest{Log: bad}) {
		if !errors.Is(err, ErrBadRequest) {
			t.Errorf("Follow: %v", err)
		}
	}
	for _, err := range x.List(t.Context(), ListRequest{Prefix: bad}) {
		if !errors.Is(err, ErrBadRequest) {
			t.Errorf("List: %v", err)
		}
	}
	if _, err := x.Read(t.Context(), ReadRequest{Log: "/a", Filter: Filter{Exclude: []string{bad}}}); !errors.Is(err, ErrBadRequest) {
		t.Errorf("Read: %v", err)
	}
}

// odd is a tailer whose names of files are not UTF-8.
type odd struct{ failing }

func (odd) List(context.Context, ListRequest) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		_ = yield(Entry{Log: "/a"}, nil) && yield(Entry{Log: "/\xff"}, nil) && yield(Entry{Log: "/z"}, nil)
	}
}

func (odd) Follow(context.Context, FollowRequest) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		_ = yield(Boundary{Name: "x\xff"}, nil) && yield(Gap{Evidence: []string{"\xfe"}}, nil) && yield(Lines{Text: []byte("\xff\n")}, nil)
	}
}

func TestServer_NamesThatAreNotUTF8_DoNotEndTheCall(t *testing.T) {
	x := OverGRPC(t, odd{})
	var logs []string
	for e, err := range x.List(t.Context(), ListRequest{}) {
		if err != nil {
			t.Fatal(err)
		}
		logs = append(logs, e.Log)
	}
	if strings.Join(logs, " ") != "/a /z" {
		t.Errorf("List = %q", logs)
	}
	var last Event
	for e, err := range x.Follow(t.Context(), FollowRequest{}) {
		if err != nil {
			t.Fatal(err)
		}
		last = e
	}
	if l, ok := last.(Lines); !ok || string(l.Text) != "\xff\n" {
		t.Errorf("the last event is %v", last)
	}
}
