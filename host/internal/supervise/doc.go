// Package supervise keeps a plugin alive: it wraps launches of a plugin process into one [tail.Tailer] that survives the death, the hang
// and the upgrade of the process.
//
// # What it promises
//
// A Follow call goes on at the very next byte when the process behind it is replaced: nothing is lost or doubled, the caller sees only
// that it takes a little longer. Info, List and Read wait for a process for a bounded time. A Heartbeat call ends with
// [tail.ErrPluginGone], because its state is gone with the process: the caller makes it again.
//
// A process that dies is started again at once, then with growing delays. One that hangs, also if it is stopped, is found by its missing
// sign of life, killed and replaced. Closing takes at most 5 s, whatever the process does.
//
// # Who owns what
//
// [Plugin.Run] owns the processes and the goroutines; it returns when the last process is gone. The iterators start no goroutine that
// outlives the loop over them.
package supervise
