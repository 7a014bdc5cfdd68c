package ws

import "time"

// Observer is told what connections do, for metrics. Its functions must be quick and safe for concurrent use; nil ones are not called.
type Observer struct {
	// Opened: a connection stands. The protocol is "plain" or "livetail.v1".
	Opened func(protocol string)
	// Closed: it is over. The reason is that of a wire.Close, or "peer" if the peer went away.
	Closed func(protocol, reason string, after time.Duration)
	// Sent: content was written, as so many frames, lines and bytes of payload.
	Sent func(frames, lines, bytes int)
	// Delivered: content was written so long after it had come to the host. Not every piece is told of, see [Sampled].
	Delivered func(time.Duration)
	// Refused: a peer was not given what it asked for; the reason is that of a wire.Close.
	Refused func(reason string)
	// Declined: a request on a connection was answered with an error; the reason is that of a wire.Close.
	Declined func(reason string)
	// RoundTrip: a ping was answered.
	RoundTrip func(time.Duration)
	// Lag: so many bytes wait for a session, as it is pinged; negative: unknown.
	Lag func(bytes int64)
}

func (o *Observer) opened(protocol string) {
	if o.Opened != nil {
		o.Opened(protocol)
	}
}

func (o *Observer) closed(protocol, reason string, after time.Duration) {
	if o.Closed != nil {
		o.Closed(protocol, reason, after)
	}
}

func (o *Observer) sent(frames, lines, bytes int) {
	if o.Sent != nil && frames > 0 {
		o.Sent(frames, lines, bytes)
	}
}

// Sampled reports whether the delivery is told of that is the nth of a session: the first and every eighth, because telling costs about as
// much as sending.
func Sampled(n int) bool { return n%8 == 1 }

func (o *Observer) delivered(arrived time.Time) {
	if o.Delivered != nil && !arrived.IsZero() {
		o.Delivered(time.Since(arrived))
	}
}

func (o *Observer) refused(reason string) {
	if o.Refused != nil {
		o.Refused(reason)
	}
}

func (o *Observer) declined(reason string) {
	if o.Declined != nil {
		o.Declined(reason)
	}
}

func (o *Observer) roundTrip(d time.Duration) {
	if o.RoundTrip != nil {
		o.RoundTrip(d)
	}
}

func (o *Observer) lag(bytes int64) {
	if o.Lag != nil {
		o.Lag(bytes)
	}
}
