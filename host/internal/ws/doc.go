// Package ws carries sessions of package hub over WebSocket, in either protocol of package wire.
//
// # What it promises
//
// A connection costs two goroutines and a few KiB: one goroutine waits for what the peer says, one for what it is to be sent. Nothing
// is queued for a peer beyond the frame being written. A peer that takes no byte for the time a write may take is closed with a code
// that invites it back; one that talks too much is read no faster than it may talk; one that breaks the protocol is closed with a code that says
// how.
//
// # Who owns what
//
// The goroutines of a connection belong to its [Server], whose Drain ends them all, telling every peer, and waits for them. Serve itself
// returns as soon as the connection stands, so that the HTTP server can forget the request and its memory.
//
// # Lock order
//
// conn.beat before socket.mu before socket.deadline. No lock of the Server is held across I/O.
package ws
