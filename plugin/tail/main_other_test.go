//go:build unix && !linux

package tail_test

import "syscall"

func dieWithParent() *syscall.SysProcAttr { return nil }
