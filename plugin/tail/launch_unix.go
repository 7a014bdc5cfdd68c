//go:build unix && !linux

package tail

import "syscall"

// childAttributes puts the plugin into a process group of its own; that it ends with the host is the plugin's own doing here.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
