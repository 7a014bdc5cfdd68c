package tailtest_test

import (
	"testing"

	"github.com/livetail/livetail/plugin/tail"
	"github.com/livetail/livetail/plugin/tail/tailtest"
)

// fakeLog is a log of a Fake as the suite wants it.
type fakeLog struct {
	fake *tailtest.Fake
	log  *tailtest.FakeLog
	name string
}

func newFake(t *testing.T) (tail.Tailer, tailtest.Log) {
	f := tailtest.NewFake()
	f.Forbid("/forbidden/")
	return f, &fakeLog{fake: f, name: "/logs/app.log"}
}

func (l *fakeLog) Name() string      { return l.name }
func (l *fakeLog) Forbidden() string { return "/forbidden/app.log" }
func (l *fakeLog) Rotate()           { l.log.Rotate() }
func (l *fakeLog) Truncate()         { l.log.Truncate() }
func (l *fakeLog) Append(text string) {
	if l.log == nil {
		l.log = l.fake.AddLog(l.name)
	}
	l.log.Write(text)
}

func TestFake_KeepsTheContract(t *testing.T) { tailtest.Run(t, newFake) }
