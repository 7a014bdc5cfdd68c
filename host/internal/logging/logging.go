// Package logging makes the program's own log: logrus to standard error, text on a terminal and JSON otherwise. The content of tailed logs
// is never written to it.
package logging

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/sirupsen/logrus"
	"golang.org/x/term"
)

// Formats that New knows.
const (
	FormatAuto = "auto" // text on a terminal, JSON otherwise
	FormatText = "text"
	FormatJSON = "json"
)

// New makes a logger that writes to out. level is one of logrus's names; the error names what is wrong with either word.
func New(out io.Writer, level, format string) (*logrus.Logger, error) {
	lvl, err := logrus.ParseLevel(level)
	if err != nil {
		return nil, fmt.Errorf("log-level %q is none of debug, info, warning, error", level)
	}
	log := logrus.New()
	log.SetOutput(out)
	log.SetLevel(lvl)
	if format == FormatAuto {
		format = FormatJSON
		if f, ok := out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
			format = FormatText
		}
	}
	switch format {
	case FormatText:
		log.SetFormatter(&logrus.TextFormatter{FullTimestamp: true, TimestampFormat: "15:04:05.000"})
	case FormatJSON:
		log.SetFormatter(&logrus.JSONFormatter{TimestampFormat: "2006-01-02T15:04:05.000Z07:00"})
	default:
		return nil, fmt.Errorf("log-format %q is none of %s", format, strings.Join([]string{FormatAuto, FormatText, FormatJSON}, ", "))
	}
	return log, nil
}
