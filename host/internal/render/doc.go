// Package render turns the events of a log into what a reader is shown: HTML with inline styles, text with colours, or plain text.
//
// # What is promised
//
// Log content never becomes markup or terminal control. HTML output holds no tag but the spans and notices that this package makes
// itself; text output holds no control character but newline and tab, and text with colours only the colours (SGR) besides. Every
// other escape sequence is removed together with its payload, invalid UTF-8 is shown as U+FFFD, and every line of the log is exactly
// one line of the output.
//
// Each result stands by itself: a span that is open at its end is closed there and opened again in the next; of text with colours, even
// each line does. What began in one event and goes on in the next (a colour, half an escape sequence, half a rune of a line that comes
// in pieces) is remembered by the [Renderer], in less than 200 bytes. The time taken is linear in the size of the input.
//
// An escape sequence hides at most the rest of its line: a newline ends it, whatever its kind, and so do 4 KiB.
package render
