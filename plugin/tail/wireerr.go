package tail

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	tailpb "github.com/livetail/livetail/plugin/tail/tailpb/v1"
)

// sentinels pairs each error that callers decide on with its form on the wire.
var sentinels = []struct {
	err    error
	detail tailpb.ErrorCode
	code   codes.Code
}{
	{ErrNotAllowed, tailpb.ErrorCode_ERROR_CODE_NOT_ALLOWED, codes.PermissionDenied},
	{ErrNotFound, tailpb.ErrorCode_ERROR_CODE_NOT_FOUND, codes.NotFound},
	{ErrNotRegular, tailpb.ErrorCode_ERROR_CODE_NOT_REGULAR, codes.FailedPrecondition},
	{ErrUnreadable, tailpb.ErrorCode_ERROR_CODE_UNREADABLE, codes.FailedPrecondition},
	{ErrPositionGone, tailpb.ErrorCode_ERROR_CODE_POSITION_GONE, codes.OutOfRange},
	{ErrBadRequest, tailpb.ErrorCode_ERROR_CODE_BAD_REQUEST, codes.InvalidArgument},
	{ErrUnsupported, tailpb.ErrorCode_ERROR_CODE_UNSUPPORTED, codes.Unimplemented},
	{ErrTooMany, tailpb.ErrorCode_ERROR_CODE_TOO_MANY, codes.ResourceExhausted},
}

// maxErrorText bounds what a tailer's error can put on the wire, in bytes.
const maxErrorText = 4 << 10

// toStatus makes err fit for the wire.
func toStatus(err error) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	if len(text) > maxErrorText {
		text = text[:maxErrorText]
	}
	text = display(text) // Otherwise gRPC leaves out what kind of error it was.
	for _, s := range sentinels {
		if errors.Is(err, s.err) {
			st := status.New(s.code, text)
			if detailed, derr := st.WithDetails(&tailpb.ErrorDetail{Code: s.detail}); derr == nil {
				st = detailed
			}
			return st.Err()
		}
	}
	switch {
	case errors.Is(err, context.Canceled):
		return status.Error(codes.Canceled, text)
	case errors.Is(err, context.DeadlineExceeded):
		return status.Error(codes.DeadlineExceeded, text)
	}
	return status.Error(codes.Unknown, text)
}

// remoteError is an error of the other process: its text as it stood there, and the sentinel that it was.
type remoteError struct {
	text     string
	sentinel error
}

func (e *remoteError) Error() string { return e.text }
func (e *remoteError) Unwrap() error { return e.sentinel }

// fromStatus turns what a call returned back into what the tailer returned. ctx is that of the caller.
func fromStatus(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if cerr := ctx.Err(); cerr != nil {
		return cerr
	}
	// The plugin knows the deadline, too, and may be the first to notice that it has passed.
	if d, ok := ctx.Deadline(); ok && !time.Now().Before(d) {
		return context.DeadlineExceeded
	}
	st := status.Convert(err)
	for _, d := range st.Details() {
		detail, ok := d.(*tailpb.ErrorDetail)
		if !ok {
			continue
		}
		for _, s := range sentinels {
			if detail.GetCode() == s.detail {
				return &remoteError{text: st.Message(), sentinel: s.err}
			}
		}
	}
	switch st.Code() {
	case codes.Unavailable, codes.Canceled, codes.Aborted:
		// The caller did not cancel (see above), so the connection did.
		return fmt.Errorf("%w: %s", ErrPluginGone, st.Message())
	case codes.Unimplemented:
		return &remoteError{text: "the plugin does not know this call", sentinel: ErrUnsupported}
	default:
		return errors.New(st.Message())
	}
}
