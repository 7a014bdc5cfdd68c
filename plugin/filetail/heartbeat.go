package filetail

import (
	"context"
	"iter"

	"github.com/livetail/livetail/plugin/tail"
	"github.com/livetail/livetail/plugin/tail/heartbeat"
)

// Heartbeat implements [tail.Tailer].
func (t *Tailer) Heartbeat(ctx context.Context, in iter.Seq[tail.Beat]) iter.Seq2[tail.Order, error] {
	return heartbeat.Run(ctx, in, t.beats)
}
