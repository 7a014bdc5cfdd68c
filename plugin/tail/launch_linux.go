package tail

import "syscall"

// childAttributes puts the plugin into a process group of its own, so that a Ctrl-C at the terminal reaches the host alone and the
// group can be killed as a whole, and has the kernel kill it when the host dies.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
