// Package verify accounts for every line that a log follower delivers.
//
// The lines carry a sequence number and a checksum (package lines). An [Account] takes them in the order in which they arrive, together
// with what the follower declares missing, and says at any time what is delivered, declared, lost, doubled, reordered or corrupted. Its
// memory does not depend on how many lines there are. [Run] connects an account with a [Source]: a front door of livetail in each of its
// protocols, a command's standard output, or a file.
package verify
