package filetail

import (
	"context"

	"github.com/livetail/livetail/plugin/internal/doctor"
	"github.com/livetail/livetail/plugin/internal/follow"
	"github.com/livetail/livetail/plugin/internal/guard"
	"github.com/livetail/livetail/plugin/tail"
)

// maxVisits is how many diagnoses are made at a time, because one looks at all processes. Others wait.
const maxVisits = 2

// Diagnose implements [tail.Tailer].
func (t *Tailer) Diagnose(ctx context.Context, log string) (tail.Report, error) {
	var path guard.Path
	if log != "" {
		var err error
		if path, err = t.guard.Resolve(log); err != nil {
			return tail.Report{}, err
		}
	}
	select {
	case t.visits <- struct{}{}:
		defer func() { <-t.visits }()
	case <-ctx.Done():
		return tail.Report{}, ctx.Err()
	}
	if log == "" {
		return t.doctor.Examine(ctx)
	}
	return t.doctor.Diagnose(ctx, path)
}

// patients is the engine as the doctor asks it.
type patients struct{ *follow.Engine }

func (p patients) Condition(log guard.Path) (doctor.Condition, bool) {
	c, ok := p.Engine.Condition(log)
	return doctor.Condition(c), ok
}
