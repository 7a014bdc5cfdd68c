package filetail

import (
	"context"
	"maps"
	"slices"
	"unicode/utf8"

	"github.com/livetail/livetail/plugin/tail"
)

// maxRoots bounds how many roots are told of by themselves.
const maxRoots = 50

var _ tail.Meter = (*Tailer)(nil)

// Metrics implements [tail.Meter].
func (t *Tailer) Metrics(context.Context) ([]tail.Metric, error) {
	s := t.engine.Stats()
	gauge := func(name, help string, v float64) tail.Metric {
		return tail.Metric{Name: name, Help: help, Samples: []tail.Sample{{Value: v}}}
	}
	rotations := tail.Metric{Name: "rotations_total", Help: "New generations of followed logs, by how the log came to them.", Counter: true}
	for how := tail.HowRenamed; how <= tail.HowSwitched; how++ {
		rotations.Samples = append(rotations.Samples, tail.Sample{Labels: []tail.Label{{Name: "how", Value: how.String()}}, Value: float64(s.Rotations[how])})
	}
	lost := tail.Metric{Name: "generations_lost_total", Help: "Generations of followed logs that could not be read or had to be given up, by why.", Counter: true}
	for cause := tail.CauseDeleted; cause <= tail.CauseOverrun; cause++ {
		lost.Samples = append(lost.Samples, tail.Sample{Labels: []tail.Label{{Name: "cause", Value: cause.String()}}, Value: float64(s.Lost[cause])})
	}
	wakeup := tail.Metric{Name: "wakeup", Help: "1 for the way in which changes of files are noticed: by events of the system, or by looking alone."}
	for _, tier := range []string{"events", "polling"} {
		v := 0.0
		if (tier == "events") == s.Events {
			v = 1
		}
		wakeup.Samples = append(wakeup.Samples, tail.Sample{Labels: []tail.Label{{Name: "tier", Value: tier}}, Value: v})
	}
	size := tail.Metric{Name: "source_file_size_bytes", Help: "Size of the live files of logs that are being read, by the folder or file of the settings."}
	read := tail.Metric{Name: "source_read_offset_bytes", Help: "How far into these files the reader has come that is furthest."}
	for _, root := range slices.Sorted(maps.Keys(s.Roots))[:min(len(s.Roots), maxRoots)] {
		if len(root) > tail.MaxMetricText || !utf8.ValidString(root) {
			continue
		}
		label := []tail.Label{{Name: "source", Value: root}}
		size.Samples = append(size.Samples, tail.Sample{Labels: label, Value: float64(s.Roots[root].Size)})
		read.Samples = append(read.Samples, tail.Sample{Labels: label, Value: float64(s.Roots[root].Read)})
	}
	return []tail.Metric{
		size, read,
		{Name: "unpacked_bytes_total", Help: "Bytes that came out of compressed generations.", Counter: true, Samples: []tail.Sample{{Value: float64(s.Unpacked)}}},
		gauge("logs", "Logs that are looked after, because somebody follows them or did a moment ago.", float64(s.Logs)),
		gauge("readers", "Readings of logs that go on in the plugin.", float64(s.Readers)),
		gauge("held_generations", "Files that are held open, the live ones included.", float64(s.Held)),
		gauge("pinned_generations", "Rotated files that are held open because a reader is still in them.", float64(s.Pinned)),
		gauge("held_deleted_bytes", "Room on the disk that deleted files take because they are held open.", float64(s.DeletedBytes)),
		rotations,
		{Name: "truncations_total", Help: "Times that a followed log was emptied or rewritten in place.", Counter: true,
			Samples: []tail.Sample{{Value: float64(s.Truncations)}}},
		lost, wakeup,
	}, nil
}
