// Package wire is what stands in the frames of the front door: the plain protocol and livetail.v1, as docs/protocol.md writes them
// down. Its golden files are the examples of that document, and a test holds the two together.
//
// The package starts no goroutine and does no I/O. Messages to clients are encoded by the Append… functions and by [Renderer]; what clients
// say is decoded by [Decode], which accepts nothing that the document does not describe.
package wire
