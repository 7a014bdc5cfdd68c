// Package heartbeat is the old place of plugin/tail/heartbeat, which other people's plugins need, too.
package heartbeat

import (
	"context"
	"iter"

	"github.com/livetail/livetail/plugin/tail"
	"github.com/livetail/livetail/plugin/tail/heartbeat"
)

// Defaults is [heartbeat.Defaults].
type Defaults = heartbeat.Defaults

// Run is [heartbeat.Run].
func Run(ctx context.Context, in iter.Seq[tail.Beat], d Defaults) iter.Seq2[tail.Order, error] {
	return heartbeat.Run(ctx, in, d)
}
