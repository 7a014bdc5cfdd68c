package tail

import "errors"

// The errors that a caller decides on. They survive the process border: test with [errors.Is].
var (
	// ErrNotAllowed: the path is not one that may be followed. It says nothing about whether the path exists.
	ErrNotAllowed = errors.New("not allowed")
	// ErrNotFound: an allowed path names no log, and none of its generations exists.
	ErrNotFound = errors.New("not found")
	// ErrNotRegular: the path names a directory, FIFO, socket or device.
	ErrNotRegular = errors.New("not a regular file")
	// ErrUnreadable: the log exists, but the tailer may not read it or failed to.
	ErrUnreadable = errors.New("cannot be read")
	// ErrPositionGone: the generation of a position does not exist any more, or was rewritten.
	ErrPositionGone = errors.New("position is gone")
	// ErrBadRequest: the request makes no sense.
	ErrBadRequest = errors.New("bad request")
	// ErrUnsupported: the tailer cannot do this; see [Info.Capabilities].
	ErrUnsupported = errors.New("not supported")
	// ErrTooMany: a limit of the tailer is reached.
	ErrTooMany = errors.New("too many")
	// ErrPluginGone: the plugin process died or closed the connection. It comes from the client side alone; whoever follows may
	// launch again and go on at the last position.
	ErrPluginGone = errors.New("plugin is gone")
)
