// Package client follows logs over the front door of livetail.
//
// [Follow] speaks livetail.v1: it answers heartbeats, and when the connection breaks it comes back by itself at the position it has come
// to, so that the sequence of events goes on as if nothing had happened and every line comes once. A [Client] can also read pages of
// history and change the filter meanwhile. [FollowPlain] and [FollowText] are for the two protocols without positions, which cannot
// come back.
//
// The sequences start goroutines when they are ranged over, and wait for them when the loop ends. Breaking out of the loop, or
// cancelling the context, ends everything.
package client
