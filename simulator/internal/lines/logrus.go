package lines

import (
	"bytes"

	"github.com/sirupsen/logrus"
)

// traceField is the name of the entry's field that holds the lines of a trace.
const traceField = "trace"

// LogrusFormatter makes logrus write the lines of a [Formatter].
type LogrusFormatter struct{ Formatter *Formatter }

// Format returns the lines of an entry.
func (l LogrusFormatter) Format(e *logrus.Entry) ([]byte, error) {
	r := Record{Time: e.Time, Level: fromLogrus(e.Level), Message: e.Message}
	if t, ok := e.Data[traceField].([]string); ok {
		r.Trace = t
	}
	b := e.Buffer
	if b == nil {
		b = new(bytes.Buffer)
	}
	out, _ := l.Formatter.Append(b.AvailableBuffer(), &r)
	// Write what was formatted in place, so that logrus keeps the buffer for the next entry.
	b.Write(out)
	return b.Bytes(), nil
}

// Log logs r.
func Log(logger *logrus.Logger, r *Record) {
	e := logger.WithTime(r.Time)
	if r.Trace != nil {
		e = e.WithField(traceField, r.Trace)
	}
	e.Log(toLogrus(r.Level), r.Message)
}

// Critical is logrus' fatal: Entry.Log writes it and, unlike Logger.Fatal, goes on.
func toLogrus(l Level) logrus.Level {
	return [...]logrus.Level{
		logrus.TraceLevel, logrus.DebugLevel, logrus.InfoLevel, logrus.WarnLevel, logrus.ErrorLevel, logrus.FatalLevel,
	}[l]
}

func fromLogrus(l logrus.Level) Level {
	switch l {
	case logrus.TraceLevel:
		return Trace
	case logrus.DebugLevel:
		return Debug
	case logrus.InfoLevel:
		return Info
	case logrus.WarnLevel:
		return Warning
	case logrus.ErrorLevel:
		return Error
	default:
		return Critical
	}
}
