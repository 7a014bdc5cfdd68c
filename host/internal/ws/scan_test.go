package ws

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/livetail/livetail/host/internal/hub"
	"github.com/livetail/livetail/host/internal/wire"
)

func TestV1_Search_FindsInAllOfHistory(t *testing.T) {
	s := newStand(t, Options{}, Request{Hub: hub.Request{Follow: true}, Format: wire.Format{Raw: true}})
	s.log.Append("ERROR four", "INFO five", "ERROR six")
	c := s.dial(wire.Subprotocol)
	until(t, c, `"caught_up"`)
	say(t, c, `{"t":"search","id":1,"backward":true,"include":["ERROR"],"matches":1}`)
	got := until(t, c, `{"t":"found","id":1,"matches":[{`)
	if !strings.Contains(got, `"level":"error","text":"ERROR six"`) || !strings.Contains(got, `"end":"matches"}`) {
		t.Errorf("got %s", got)
	}
	say(t, c, `{"t":"search","id":2,"include":["ERROR"],"matches":9}`)
	got = until(t, c, `{"t":"found","id":2,`)
	if !strings.Contains(got, `"text":"ERROR four"},{`) || !strings.Contains(got, `"end":"all"}`) {
		t.Errorf("got %s", got)
	}
	say(t, c, `{"t":"search","id":3,"at":"nonsense.1","matches":9}`)
	until(t, c, `{"t":"error","id":3,"code":"position_gone"`)
}

func TestV1_Count_CountsByTimeAndLevel(t *testing.T) {
	s := newStand(t, Options{}, Request{Hub: hub.Request{Follow: true}})
	at := time.UnixMilli(4102444800000) // Later than the three lines that are there.
	for i := range 3 {
		s.log.AppendAt(at.Add(time.Duration(i)*time.Second), fmt.Sprintf("WARN %d", i))
	}
	c := s.dial(wire.Subprotocol)
	until(t, c, `"caught_up"`)
	say(t, c, fmt.Sprintf(`{"t":"count","id":1,"bucket_ms":60000,"since_ms":%d}`, at.UnixMilli()))
	got := until(t, c, `{"t":"counted","id":1,`)
	if !strings.Contains(got, `[4102444800000,0,0,0,0,1,0,0]`) || !strings.Contains(got, `"end":"all"}`) {
		t.Errorf("got %s", got)
	}
}

func TestV1_Read_ByTime(t *testing.T) {
	s := newStand(t, Options{}, Request{Hub: hub.Request{Follow: true}, Format: wire.Format{Raw: true}})
	at := time.UnixMilli(4102444800000)
	s.log.AppendAt(at, "four")
	s.log.AppendAt(at.Add(time.Second), "five")
	c := s.dial(wire.Subprotocol)
	until(t, c, `"caught_up"`)
	say(t, c, fmt.Sprintf(`{"t":"read","id":1,"time_ms":%d,"lines":5}`, at.UnixMilli()+1))
	if got := until(t, c, `{"t":"page","id":1,`); !strings.Contains(got, `"text":"five\n"`) {
		t.Errorf("got %s", got)
	}
}

func TestV1_Scans_AreBoundedAndCancelled(t *testing.T) {
	s := newStand(t, Options{}, Request{Hub: hub.Request{Follow: true}})
	c := s.dial(wire.Subprotocol)
	until(t, c, `"caught_up"`)
	s.fake.Hang()
	say(t, c, `{"t":"search","id":1,"matches":1}`)
	say(t, c, `{"t":"search","id":1,"matches":1}`)
	until(t, c, `{"t":"error","id":1,"code":"too_many","message":"A request with this id`)
	say(t, c, `{"t":"count","id":2,"bucket_ms":1000}`)
	say(t, c, `{"t":"search","id":3,"matches":1}`)
	until(t, c, `{"t":"error","id":3,"code":"too_many"`)
	say(t, c, `{"t":"cancel","id":9}`) // There is none, which is no mistake: it may have ended just now.
	say(t, c, `{"t":"cancel","id":1}`)
	until(t, c, `{"t":"error","id":1,"code":"cancelled"`)
	say(t, c, `{"t":"search","id":4,"matches":1}`)
	say(t, c, `{"t":"cancel","id":2}`)
	until(t, c, `{"t":"error","id":2,"code":"cancelled"`)
	s.fake.Resume()
	until(t, c, `{"t":"found","id":4,`)
}

func TestV1_ScanUnderWay_EndsWithTheConnection(t *testing.T) {
	s := newStand(t, Options{Scans: 1}, Request{Hub: hub.Request{Follow: true}})
	c := s.dial(wire.Subprotocol)
	until(t, c, `"caught_up"`)
	s.fake.Hang()
	say(t, c, `{"t":"search","id":1,"matches":1}`)
	say(t, c, `{"t":"search","id":2,"matches":1}`) // Waits for its turn.
	eventually(t, "a scan is under way", func() bool { return s.fake.Calls().Scan == 1 })
	c.Close()
	eventually(t, "the connection is gone", func() bool { return s.server.Open() == 0 })
	s.fake.Resume()
}
