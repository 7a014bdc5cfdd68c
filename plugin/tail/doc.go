// Package tail is the contract between a host, which shows logs to people, and a plugin, which touches them.
//
// A plugin implements [Tailer] and calls [Serve]; a host calls [Launch] and gets the same Tailer back, in another process. Both
// examples of this package are complete programs. Package tailtest proves that an implementation keeps the contract.
//
// # What is promised
//
// A log is what a path names over time: the live file and its rotated generations, oldest to newest, called a chain. [Tailer.Follow]
// yields the lines of the chain in order, each once. What was destroyed before anybody could open it is an event, [Gap], at its place
// in the stream. So for every Follow call
//
//	written = delivered + declared missing
//
// holds, whatever rotates, however late the reader is. Loss is data, not a log message.
//
// Every batch of lines has a start and an end [Position]. A Follow that starts at the end of the last batch seen goes on at the very
// next byte, also when the file was renamed or compressed meanwhile, and also in another process after a crash.
//
// # Pull, not push
//
// Follow returns an iterator. Whoever stops pulling stops the reading of the file; nothing is queued for a slow reader beyond one
// batch and the flow-control window of the connection. Discovering and holding open new generations goes on regardless, so a slow
// reader loses nothing.
//
// # Who owns what
//
// The iterators of this package start no goroutine that outlives the loop over them: breaking out, or cancelling the context, ends
// the work on both sides. Byte slices in events belong to the receiver until the next turn of the loop; keep a copy, not the slice.
//
// # Versions
//
// The wire form is tailpb/v1/tail.proto. Fields and events may be added to a version; receivers skip what they don't know. Anything
// else is a new protocol version, served beside the old one ([ProtocolVersion]).
package tail
