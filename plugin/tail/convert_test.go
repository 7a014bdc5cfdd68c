package tail

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	tailpb "github.com/livetail/livetail/plugin/tail/tailpb/v1"
)

// fill sets every field of a value to something that is not zero.
func fill(r *rand.Rand, v reflect.Value) {
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(time.Unix(0, 1+r.Int64N(1<<60))))
		return
	case Start:
		v.Set(reflect.ValueOf(StartAtPosition(Position{"gen", 1 + r.Int64N(1<<40), "check"})))
		return
	case []Event:
		v.Set(reflect.ValueOf(filledEvents(r)))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for _, f := range v.Fields() {
			fill(r, f)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(r, v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1+r.IntN(3), 5))
		for i := range v.Len() {
			fill(r, v.Index(i))
		}
	case reflect.Array:
		for i := range v.Len() {
			fill(r, v.Index(i))
		}
	case reflect.String:
		v.SetString(fmt.Sprintf("s%d", r.IntN(1000)))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int:
		v.SetInt(1 + r.Int64N(2))
	case reflect.Int64:
		v.SetInt(1 + r.Int64N(1<<60))
	case reflect.Uint8:
		v.SetUint(1 + r.Uint64N(255))
	case reflect.Uint32:
		v.SetUint(1 + r.Uint64N(1<<30))
	default:
		panic("a field of kind " + v.Kind().String() + ": teach fill about it")
	}
}

func filled[T any](r *rand.Rand) (v T) {
	fill(r, reflect.ValueOf(&v).Elem())
	return v
}

func filledEvents(r *rand.Rand) []Event {
	return []Event{
		filled[Lines](r), filled[Boundary](r), filled[Truncated](r), filled[Gap](r), filled[Late](r), filled[CaughtUp](r),
	}
}

// roundTrip holds a value to coming back as itself, and its form on the wire to having no field that is not used.
func roundTrip[T any, M proto.Message](t *testing.T, v T, to func(T) M, from func(M) T) {
	t.Helper()
	m := to(v)
	unused(t, m.ProtoReflect())
	wire, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	back := m.ProtoReflect().New().Interface().(M)
	if err := proto.Unmarshal(wire, back); err != nil {
		t.Fatal(err)
	}
	if got := from(back); !reflect.DeepEqual(got, v) {
		t.Errorf("%T: got %+v, want %+v", v, got, v)
	}
}

func unused(t *testing.T, m protoreflect.Message) {
	t.Helper()
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		if !m.Has(f) {
			if strings.HasPrefix(string(f.Name()), "lane") {
				continue // Of the connection, which puts it in and takes it out again.
			}
			if f.ContainingOneof() == nil || f.HasOptionalKeyword() {
				t.Errorf("%s is not set from a value that has everything", f.FullName())
			}
			continue
		}
		switch {
		case f.IsList() && f.Message() != nil:
			for j := range m.Get(f).List().Len() {
				unused(t, m.Get(f).List().Get(j).Message())
			}
		case f.Message() != nil:
			unused(t, m.Get(f).Message())
		}
	}
}

func TestConvert_EveryFieldOfEveryType_ComesBackAsItself(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 20 {
		for _, e := range filledEvents(r) {
			roundTrip(t, e, eventToProto, eventFromProto)
		}
		roundTrip(t, filled[Position](r), positionToProto, positionFromProto)
		roundTrip(t, filled[Filter](r), filterToProto, filterFromProto)
		roundTrip(t, filled[FollowRequest](r), followToProto, followFromProto)
		roundTrip(t, filled[ReadRequest](r), readToProto, readFromProto)
		roundTrip(t, filled[Page](r), pageToProto, pageFromProto)
		roundTrip(t, filled[ScanRequest](r), scanToProto, scanFromProto)
		roundTrip(t, filled[ScanReport](r), reportToProto, reportFromProto)
		roundTrip(t, filled[Entry](r), entryToProto, entryFromProto)
		roundTrip(t, filled[Beat](r), beatToProto, beatFromProto)
	}
}

func TestConvert_ZeroValues_ComeBackAsThemselves(t *testing.T) {
	same := func(got, want any) {
		t.Helper()
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got %#v, want %#v", got, want)
		}
	}
	for _, e := range []Event{Lines{}, Boundary{}, Truncated{}, Gap{}, Late{}, CaughtUp{}} {
		same(eventFromProto(eventToProto(e)), e)
	}
	same(followFromProto(followToProto(FollowRequest{})), FollowRequest{})
	same(readFromProto(readToProto(ReadRequest{})), ReadRequest{})
	same(pageFromProto(pageToProto(Page{})), Page{})
	same(scanFromProto(scanToProto(ScanRequest{})), ScanRequest{})
	same(reportFromProto(reportToProto(ScanReport{})), ScanReport{})
	same(reportFromProto(reportToProto(ScanReport{Counts: []Count{{Start: 5}}})), ScanReport{Counts: []Count{{Start: 5}}})
	same(entryFromProto(entryToProto(Entry{})), Entry{})
	same(beatFromProto(beatToProto(Beat{})), Beat{})
	zero := int64(0)
	same(eventFromProto(eventToProto(Gap{Bytes: &zero})), Gap{Bytes: &zero}) // Known to be none, which is not unknown.
}

func TestConvert_EveryStart(t *testing.T) {
	for _, s := range []Start{
		StartAtEnd(), StartAtBeginning(), StartAtLastLines(0), StartAtLastLines(1000), StartAtLastLines(-1),
		StartAtPosition(Position{}), StartAtPosition(Position{"g", 7, "c"}), StartAtTime(time.Unix(0, 12345)), StartAtTime(time.Unix(0, 0)),
	} {
		if got := startFromProto(startToProto(s)); !reflect.DeepEqual(got, s) {
			t.Errorf("got %s, want %s", got, s)
		}
	}
}

// A time that does not fit into 64 bits of nanoseconds must not become one in the middle of them.
func TestConvert_TimesFarAway(t *testing.T) {
	for when, want := range map[time.Time]int64{
		{}: math.MinInt64, time.Unix(1<<60, 0): math.MaxInt64, time.Unix(-1<<60, 0): math.MinInt64,
		time.Unix(1600000000, 5): 1600000000000000005,
	} {
		if got := unixNano(when); got != want {
			t.Errorf("%v: got %d, want %d", when, got, want)
		}
	}
}

func TestConvert_EventOfALaterVersion_IsSkipped(t *testing.T) {
	if e := eventFromProto(&tailpb.Event{}); e != nil {
		t.Errorf("got %v", e)
	}
	if e := eventFromProto(nil); e != nil {
		t.Errorf("got %v", e)
	}
	page := pageFromProto(&tailpb.ReadResponse{Events: []*tailpb.Event{nil, {}, eventToProto(CaughtUp{})}})
	if len(page.Events) != 1 {
		t.Errorf("got %v", page.Events)
	}
}

// The wire's numbers are those of the domain, by name.
func TestConvert_EnumerationsHaveTheSameNumbers(t *testing.T) {
	for _, tt := range []struct {
		prefix  string
		numbers map[string]int32
		name    func(int) string
	}{
		{"CAUSE_", tailpb.Cause_value, func(n int) string { return Cause(n).String() }},
		{"HOW_", tailpb.How_value, func(n int) string { return How(n).String() }},
		{"ORDER_", tailpb.Order_value, func(n int) string { return ChainOrder(n).String() }},
		{"PIECE_", tailpb.Piece_value, func(n int) string {
			return map[Piece]string{PieceFirst: "first", PieceMiddle: "middle", PieceLast: "last"}[Piece(n)]
		}},
		{"SCAN_END_", tailpb.ScanEnd_value, func(n int) string { return ScanEnd(n).String() }},
		{"LEVEL_", tailpb.Level_value, func(n int) string { return Level(n).String() }},
		{"BEAT_KIND_", tailpb.BeatKind_value, func(n int) string {
			return map[BeatKind]string{
				BeatOpened: "opened", BeatPinged: "pinged", BeatAnswered: "answered", BeatWrong: "wrong", BeatClosed: "closed",
			}[BeatKind(n)]
		}},
		{"ORDER_KIND_", tailpb.OrderKind_value, func(n int) string {
			return map[OrderKind]string{
				OrderAlive: "alive", OrderPing: "ping", OrderDeadSilent: "dead_silent", OrderDeadWrong: "dead_wrong",
			}[OrderKind(n)]
		}},
	} {
		if len(tt.numbers) < 3 {
			t.Errorf("%s: only %d values", tt.prefix, len(tt.numbers))
		}
		for name, n := range tt.numbers {
			if n == 0 {
				continue // Unspecified.
			}
			if got, want := tt.name(int(n)), strings.ToLower(strings.TrimPrefix(name, tt.prefix)); got != want {
				t.Errorf("%s is %d, which is %q here", name, n, got)
			}
		}
		if next := tt.name(len(tt.numbers)); next != "unknown" && next != "" {
			t.Errorf("%s: %q has no number on the wire", tt.prefix, next)
		}
	}
}
