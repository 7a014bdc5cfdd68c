// Package hub brings logs to sessions: any number of viewers of any number of logs, over one [tail.Tailer].
//
// # What it promises
//
// A session gets exactly the events of its log, in order, each once, from where it asked to begin, whatever other sessions do, however
// slow it is itself, and however often its tailer comes back from the dead. What it asks for with [Session.Next] is handed to it; nothing
// is queued for it, because the log itself is the queue.
//
// # How
//
// A session first reads privately: one Follow call of the tailer of its own. Once it has caught up, it joins the feed of its (log,
// filter, rendering): one Follow call for all of them, each event rendered once and kept for a while in a ring that is bounded in bytes.
// A member of a feed is nothing but a sequence number; it costs no goroutine, and nothing at all while its log is silent. Whoever falls
// out of the ring reads privately again, from its own position, and joins again. See DESIGN.md for the picture.
//
// # Who owns what
//
// The goroutines of the package belong to [Hub.Run], which returns after the last of them has ended: one for the heartbeat, one per
// feed, and one per session that reads privately. The goroutine that calls Next belongs to the caller.
package hub
