package tail

import (
	"context"
	"iter"
)

// Unimplemented answers each call with [ErrUnsupported]. A [Tailer] that embeds it has to write only what it can do, and goes on to
// compile when the interface grows. Hosts need Heartbeat: package heartbeat has the logic.
type Unimplemented struct{}

var _ Tailer = Unimplemented{}

// Info implements [Tailer].
func (Unimplemented) Info(context.Context) (Info, error) { return Info{}, ErrUnsupported }

// List implements [Tailer].
func (Unimplemented) List(context.Context, ListRequest) iter.Seq2[Entry, error] {
	return refused[Entry](ErrUnsupported)
}

// Follow implements [Tailer].
func (Unimplemented) Follow(context.Context, FollowRequest) iter.Seq2[Event, error] {
	return refused[Event](ErrUnsupported)
}

// Read implements [Tailer].
func (Unimplemented) Read(context.Context, ReadRequest) (Page, error) { return Page{}, ErrUnsupported }

// Scan implements [Tailer].
func (Unimplemented) Scan(context.Context, ScanRequest) iter.Seq2[ScanReport, error] {
	return refused[ScanReport](ErrUnsupported)
}

// Diagnose implements [Tailer].
func (Unimplemented) Diagnose(context.Context, string) (Report, error) {
	return Report{}, ErrUnsupported
}

// Heartbeat implements [Tailer].
func (Unimplemented) Heartbeat(context.Context, iter.Seq[Beat]) iter.Seq2[Order, error] {
	return refused[Order](ErrUnsupported)
}
