package wire

import (
	"errors"
	"time"

	"github.com/livetail/livetail/plugin/tail"
)

// Close says why a connection ends, in the close frame and in the bye message before it.
//
// From a code alone a client can tell whether to come back: 1001, 1011 and 4000 to 4499 invite it, with from= the last position it has
// seen; the others are final. 1006 is what a client sees when the connection broke, and invites too.
type Close struct {
	Code int
	// Reason is one word for machines, at most 123 bytes.
	Reason string
	// Reconnect invites the client to come back, After at the earliest. Clients add up to as much again at random, and double
	// it from attempt to attempt.
	Reconnect bool
	After     time.Duration
	// Meaning is a sentence for people.
	Meaning string
}

// The ways in which a connection ends. Codes under 4000 are those of RFC 6455.
var (
	CloseDone      = Close{1000, "done", false, 0, "All that was asked for has been sent."}
	CloseShutdown  = Close{1001, "shutdown", true, 500 * time.Millisecond, "The server is stopping or being replaced."}
	CloseProtocol  = Close{1002, "protocol_error", false, 0, "A frame broke the rules of WebSocket."}
	CloseBinary    = Close{1003, "binary", false, 0, "The client sent a binary frame; all frames are text."}
	CloseNotUTF8   = Close{1007, "not_utf8", false, 0, "The client sent a text frame that is not UTF-8."}
	CloseTooBig    = Close{1009, "too_big", false, 0, "The client sent a message of more bytes than the server takes; hello says how many."}
	CloseInternal  = Close{1011, "internal", true, 5 * time.Second, "Something went wrong in the server."}
	CloseSilent    = Close{4001, "silent", true, 0, "The client did not answer a ping in time."}
	CloseSlow      = Close{4008, "slow", true, 0, "The client took no byte for as long as a write may take."}
	CloseUnread    = Close{4009, "unreadable", true, 5 * time.Second, "The log exists, but the server could not read it."}
	CloseGone      = Close{4010, "position_gone", true, 0, "The position does not exist any more: what it names was destroyed or rewritten. Come back without from=."}
	CloseTooMany   = Close{4029, "too_many", true, 10 * time.Second, "A limit on connections or requests is reached."}
	CloseBad       = Close{4500, "bad_request", false, 0, "The request, or a message of the client, makes no sense."}
	CloseWrong     = Close{4502, "wrong_answer", false, 0, "The client answered a ping with something else."}
	CloseForbidden = Close{4503, "not_allowed", false, 0, "The path is none that may be followed, whether or not it exists."}
	CloseNotFound  = Close{4504, "not_found", false, 0, "There is no such log; wait=1 waits for one."}
	CloseNoFile    = Close{4505, "not_regular", false, 0, "The path names something else than a file."}
	CloseCannot    = Close{4506, "unsupported", false, 0, "The plugin behind the server cannot do this."}
	CloseRevoked   = Close{4507, "revoked", false, 0, "The credentials that the connection was opened with are not valid any more."}
)

// Cancelled is the code of the error that answers a search or count that its client has cancelled.
const Cancelled = "cancelled"

// Closes is every [Close], in the order of the codes.
var Closes = []Close{
	CloseDone, CloseShutdown, CloseProtocol, CloseBinary, CloseNotUTF8, CloseTooBig, CloseInternal, CloseSilent, CloseSlow, CloseUnread,
	CloseGone, CloseTooMany, CloseBad, CloseWrong, CloseForbidden, CloseNotFound, CloseNoFile, CloseCannot, CloseRevoked,
}

// CloseFor returns how a connection ends for which a tailer had err.
func CloseFor(err error) Close {
	for _, c := range [...]struct {
		err   error
		close Close
	}{
		{tail.ErrNotAllowed, CloseForbidden},
		{tail.ErrNotFound, CloseNotFound},
		{tail.ErrNotRegular, CloseNoFile},
		{tail.ErrUnreadable, CloseUnread},
		{tail.ErrPositionGone, CloseGone},
		{tail.ErrBadRequest, CloseBad},
		{tail.ErrUnsupported, CloseCannot},
		{tail.ErrTooMany, CloseTooMany},
	} {
		if errors.Is(err, c.err) {
			return c.close
		}
	}
	return CloseInternal
}

// ErrorCode returns the name of err in an error message.
func ErrorCode(err error) string { return CloseFor(err).Reason }

// OfPosition is err for a request that names a position by key, which is empty if it names none. All else in the request was looked at before, so if the
// tailer says that it makes no sense, the position is what is wrong.
func OfPosition(key string, err error) error {
	if bad := (*RequestError)(nil); key == "" || !errors.Is(err, tail.ErrBadRequest) || errors.As(err, &bad) {
		return err
	}
	return &RequestError{Message: key + " holds no position that this server has sent for this log. Take one as it stands in a message of it, or leave " + key + " out."}
}

// ErrorText says for people what err means. It repeats nothing of err itself but what the client has sent, because errors may name
// files and addresses that are nobody's business.
func ErrorText(err error) string {
	if bad := (*RequestError)(nil); errors.As(err, &bad) {
		return bad.Message
	}
	return CloseFor(err).Meaning
}
