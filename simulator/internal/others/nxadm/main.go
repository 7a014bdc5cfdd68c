// Command nxadm prints a log that github.com/nxadm/tail follows, as its users do: by name, reopening after rotations, from the beginning.
package main

import (
	"bufio"
	"fmt"
	"os"

	"github.com/nxadm/tail"
)

func main() {
	if err := follow(os.Args[len(os.Args)-1], len(os.Args) > 2 && os.Args[1] == "-poll"); err != nil {
		fmt.Fprintln(os.Stderr, "nxadm: "+err.Error())
		os.Exit(1)
	}
}

// follow prints lines until printing fails, which is when whoever reads them has gone.
func follow(path string, poll bool) error {
	t, err := tail.TailFile(path, tail.Config{Follow: true, ReOpen: true, Poll: poll, Logger: tail.DiscardingLogger})
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(os.Stdout, 64<<10)
	for line := range t.Lines {
		if line.Err != nil {
			return line.Err
		}
		if _, err := out.WriteString(line.Text + "\n"); err != nil {
			return err
		}
		if len(t.Lines) == 0 {
			if err := out.Flush(); err != nil {
				return err
			}
		}
	}
	return t.Wait()
}
