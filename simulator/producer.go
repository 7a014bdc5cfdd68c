package simulator

import (
	"context"
	"errors"
	"math"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/livetail/livetail/simulator/internal/lines"
	"github.com/livetail/livetail/simulator/internal/pace"
	"github.com/livetail/livetail/simulator/internal/rotate"
)

const (
	// chunk is how many bytes the direct logger writes at once.
	chunk = 64 << 10
	// chunkLines is how many lines that is at most.
	chunkLines = 1024
	// logrusRate is the rate up to which LoggerAuto takes logrus: one write a line costs less than a tenth of a core there.
	logrusRate = 10_000
)

// producer writes one log.
type producer struct {
	path   string
	stream string
	count  int64 // 0: no end
	logrus bool
	// made is how many lines have been made, handed how many have become due.
	made, handed int64
	// startTime is the time of the first record, if it is not to be that of the clock; each of the records after it is a step later.
	startTime time.Time
	step      time.Duration
	records   int64

	source *lines.Source
	format *lines.Formatter
	encode *lines.Encoder // nil for UTF-8
	pace   *pace.Pace
	log    rotate.Log
	writer *rotate.Writer

	mu    sync.Mutex // guards stats
	stats rotate.Stats
}

func newProducer(o *RunOptions, i int) (*producer, error) {
	rate := o.Rate / float64(o.Files)
	p := &producer{path: o.log(i).Path, logrus: o.Logger == LoggerLogrus || o.Logger == LoggerAuto && rate > 0 && rate <= logrusRate}
	if o.Sequence {
		p.stream = o.stream(i)
	}
	if p.startTime, p.step = o.StartTime, time.Millisecond; rate > 0 {
		p.step = time.Duration(float64(time.Second) / rate)
	}
	if o.Count > 0 {
		// What does not divide evenly goes to the first files.
		p.count = o.Count / int64(o.Files)
		if int64(i) < o.Count%int64(o.Files) {
			p.count++
		}
		if p.count == 0 {
			p.count = -1
		}
	}
	f, err := o.formatter(i)
	if err != nil {
		return nil, err
	}
	if p.format, err = lines.NewFormatter(f); err != nil {
		return nil, err
	}
	if p.encode, err = lines.NewEncoder(o.Encoding); err != nil {
		return nil, err
	}
	if p.pace, err = pace.New(o.pace()); err != nil {
		return nil, err
	}
	p.source = lines.NewSource(lines.SourceOptions{Message: o.Message, Levels: o.Levels, TraceEvery: o.TraceEvery, Seed: o.Seed + uint64(i)})
	if p.log, err = rotate.Open(o.log(i)); err != nil {
		return nil, err
	}
	p.writer = rotate.NewWriter(p.log, o.MaxSize, o.Warn)
	p.writer.RotateEvery(o.RotateEvery)
	return p, nil
}

// run writes until the count is reached or ctx is cancelled; both are no error.
func (p *producer) run(ctx context.Context) (err error) {
	defer func() { err = errors.Join(err, p.log.Close()) }()
	write := func(b []byte) error {
		err := p.put(ctx, b)
		p.mu.Lock()
		p.stats = p.writer.Stats()
		p.mu.Unlock()
		return err
	}
	if p.logrus {
		err = p.logged(ctx, write)
	} else {
		err = p.direct(ctx, write)
	}
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil
	}
	return err
}

// put writes lines in the encoding of the log.
func (p *producer) put(ctx context.Context, b []byte) error {
	if p.encode == nil {
		return p.writer.Write(ctx, b)
	}
	b, ends, err := p.encode.Encode(b)
	if err != nil {
		return err
	}
	return p.writer.WriteEncoded(ctx, b, ends)
}

// await waits until lines are due and returns how many; 0 at the end.
func (p *producer) await(ctx context.Context) (int64, error) {
	for p.count == 0 || p.made < p.count {
		if due := p.handed - p.made; due > 0 {
			if p.count > 0 {
				due = min(due, p.count-p.made)
			}
			return due, nil
		}
		n, err := p.pace.Next(ctx, chunkLines)
		if err != nil {
			return 0, err
		}
		p.handed += int64(n)
	}
	return 0, nil
}

// record returns the next record. It may have more lines than are due, so that no clock decides what is written; those after it wait for
// as much longer. Only the end of the run cuts a trace off.
func (p *producer) record(now time.Time) lines.Record {
	limit := int64(math.MaxInt32)
	if p.count > 0 {
		limit = min(limit, p.count-p.made)
	}
	if !p.startTime.IsZero() {
		now = p.startTime.Add(time.Duration(p.records) * p.step)
		p.records++
	}
	return p.source.Next(now, int(limit))
}

func (p *producer) direct(ctx context.Context, write func([]byte) error) error {
	buf := make([]byte, 0, chunk+lines.MaxLine)
	for {
		due, err := p.await(ctx)
		if due == 0 || err != nil {
			return err
		}
		buf = buf[:0]
		now := time.Now()
		for due > 0 && len(buf) < chunk {
			r := p.record(now)
			var n int
			buf, n = p.format.Append(buf, &r)
			p.made += int64(n)
			due -= int64(n)
		}
		if err := write(buf); err != nil {
			return err
		}
	}
}

// writerFunc makes a function an io.Writer.
type writerFunc func([]byte) error

func (f writerFunc) Write(b []byte) (int, error) {
	if err := f(b); err != nil {
		return 0, err
	}
	return len(b), nil
}

func (p *producer) logged(ctx context.Context, write func([]byte) error) error {
	var failed error
	logger := logrus.New()
	logger.SetLevel(logrus.TraceLevel)
	logger.SetFormatter(lines.LogrusFormatter{Formatter: p.format})
	logger.SetOutput(writerFunc(func(b []byte) error {
		failed = write(b)
		return nil // logrus would print the error; it is returned below instead.
	}))
	for {
		due, err := p.await(ctx)
		if due == 0 || err != nil {
			return err
		}
		before := p.format.Next()
		r := p.record(time.Now())
		lines.Log(logger, &r)
		p.made += int64(p.format.Next() - before)
		if failed != nil {
			return failed
		}
	}
}

func (p *producer) addTo(r *Report) {
	p.mu.Lock()
	defer p.mu.Unlock()
	r.Files = append(r.Files, p.path)
	if p.stream != "" {
		r.Streams = append(r.Streams, p.stream)
	}
	r.Lines += p.stats.Lines
	r.Bytes += p.stats.Bytes
	r.Rotations += p.stats.Rotations
	r.Torn += p.stats.Torn
	r.Blocked += p.stats.Blocked
}
