package tail_test

import (
	"testing"

	"github.com/livetail/livetail/plugin/tail"
	"github.com/livetail/livetail/plugin/tail/tailtest"
)

// scripted is a log of the fake, as the conformance suite wants it.
type scripted struct {
	fake *tailtest.Fake
	log  *tailtest.FakeLog
}

func newScripted() *scripted {
	s := &scripted{fake: tailtest.NewFake()}
	s.fake.Forbid("/forbidden/")
	return s
}

func (s *scripted) Name() string      { return "/logs/app.log" }
func (s *scripted) Forbidden() string { return "/forbidden/app.log" }
func (s *scripted) Rotate()           { s.log.Rotate() }
func (s *scripted) Truncate()         { s.log.Truncate() }
func (s *scripted) Append(text string) {
	if s.log == nil {
		s.log = s.fake.AddLog(s.Name())
	}
	s.log.Write(text)
}

func TestContract_SurvivesTheWire(t *testing.T) {
	tailtest.Run(t, func(t *testing.T) (tail.Tailer, tailtest.Log) {
		s := newScripted()
		return tail.OverGRPC(t, s.fake), s
	})
}
