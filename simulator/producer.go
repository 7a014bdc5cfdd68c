package simulator

import (
	"context"
	"errors"
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

// due waits until lines are due and returns how many; 0 at the end.
func (p *producer) due(ctx context.Context, made int64) (int, error) {
	limit := int64(chunkLines)
	if p.count != 0 {
		limit = min(limit, max(p.count, 0)-made)
	}
	if limit == 0 {
		return 0, nil
	}
	return p.pace.Next(ctx, int(limit))
}

func (p *producer) direct(ctx context.Context, write func([]byte) error) error {
	buf := make([]byte, 0, chunk+lines.MaxLine)
	for made, left := int64(0), 0; ; {
		if left == 0 {
			n, err := p.due(ctx, made)
			if n == 0 || err != nil {
				return err
			}
			made += int64(n)
			left = n
		}
		buf = buf[:0]
		now := time.Now()
		for left > 0 && len(buf) < chunk {
			r := p.source.Next(now, left)
			var n int
			buf, n = p.format.Append(buf, &r)
			left -= n
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
	for made, left := int64(0), 0; ; {
		if left == 0 {
			n, err := p.due(ctx, made)
			if n == 0 || err != nil {
				return err
			}
			made += int64(n)
			left = n
		}
		before := p.format.Next()
		r := p.source.Next(time.Now(), left)
		lines.Log(logger, &r)
		left -= int(p.format.Next() - before)
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
