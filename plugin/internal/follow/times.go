package follow

import (
	"time"

	"github.com/livetail/livetail/plugin/internal/linetime"
)

func newStamper() *linetime.Stamper {
	return &linetime.Stamper{Parser: &linetime.Parser{Location: time.Local}}
}

// reference is about when g was last written, for dates without a year; zero, which is now, for the live one.
func (l *Log) reference(g *generation) time.Time {
	l.mu.Lock()
	live := g.next == nil
	l.mu.Unlock()
	if live {
		return time.Time{}
	}
	_, written, _, err := g.on.size()
	if err != nil {
		return time.Time{}
	}
	return written
}
