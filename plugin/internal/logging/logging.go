// Package logging makes the log of a plugin process: one JSON object in each line of standard error, which the host reads back, or text
// if a person is looking. The content of tailed logs is never written to it.
package logging

import (
	"fmt"
	"io"
	"os"

	"github.com/sirupsen/logrus"
	"golang.org/x/term"
)

// New makes a logger that writes to out: as JSON with the keys time, level, msg and those of the fields, or as text if out is a terminal.
// level is one of logrus's names.
//
// It has to be called before the plugin is served, with os.Stderr: serving replaces os.Stderr by a pipe, and the logger keeps the true one.
func New(out io.Writer, level string) (*logrus.Logger, error) {
	lvl, err := logrus.ParseLevel(level)
	if err != nil {
		return nil, fmt.Errorf("log level %q is none of debug, info, warning, error", level)
	}
	log := logrus.New()
	log.SetOutput(out)
	log.SetLevel(lvl)
	if f, ok := out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		log.SetFormatter(&logrus.TextFormatter{FullTimestamp: true, TimestampFormat: "15:04:05.000"})
		return log, nil
	}
	log.SetFormatter(&logrus.JSONFormatter{TimestampFormat: "2006-01-02T15:04:05.000Z07:00", DisableHTMLEscape: true})
	return log, nil
}
