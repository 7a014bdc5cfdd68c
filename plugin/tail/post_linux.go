package tail

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// laneSocket is how much a lane's socket may hold, in bytes, as far as the system allows: more than a batch, so that the plugin reads on
// while the host takes a batch.
const laneSocket = 1 << 20

// post is the host's end of the socket by which lanes are handed to a plugin.
type post struct {
	mu      sync.Mutex // one datagram at a time; also guards tickets
	conn    *net.UnixConn
	tickets uint64
	lanes   atomic.Int32
}

// addPost gives the command a post and returns the host's end of it. The caller calls started when the process has started, or cannot be
// started.
func addPost(cmd *exec.Cmd) (p *post, started func(), err error) {
	host, plugin, err := socketPair(syscall.SOCK_SEQPACKET)
	if err != nil {
		return nil, nil, err
	}
	cmd.ExtraFiles = append(cmd.ExtraFiles, plugin)
	return &post{conn: host}, func() { plugin.Close() }, nil
}

// environment is what tells the plugin of the post that addPost gave it.
func (p *post) environment(cmd *exec.Cmd) []string {
	const stdio = 3 // descriptors that come before those of ExtraFiles
	return []string{laneVariable + "=" + strconv.Itoa(stdio+len(cmd.ExtraFiles)-1)}
}

// open makes a lane and hands the other end to the plugin. Without one, ticket is 0.
func (p *post) open() (lane net.Conn, ticket uint64) {
	if p == nil {
		return nil, 0
	}
	if p.lanes.Add(1) > maxLanes {
		p.lanes.Add(-1)
		return nil, 0
	}
	host, plugin, err := socketPair(syscall.SOCK_STREAM)
	if err == nil {
		ticket, err = p.send(postLane, 0, syscall.UnixRights(int(plugin.Fd())))
		plugin.Close()
		if err != nil {
			_ = host.Close()
		}
	}
	if err != nil {
		p.lanes.Add(-1)
		return nil, 0 // A lane is a convenience: whatever is wrong with the plugin, the call itself will tell.
	}
	_ = host.SetReadBuffer(laneSocket) // A wish, here and below.
	return host, ticket
}

// close ends a lane.
func (p *post) close(lane net.Conn, ticket uint64) {
	lane.Close()
	p.lanes.Add(-1)
	_, _ = p.send(postDone, ticket, nil) // The plugin is gone, or will be.
}

// send sends a datagram. A new lane gets the next ticket.
func (p *post) send(kind byte, ticket uint64, rights []byte) (uint64, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if kind == postLane {
		p.tickets++
		ticket = p.tickets
	}
	if err := p.conn.SetWriteDeadline(time.Now().Add(postPatience)); err != nil {
		return 0, err
	}
	_, _, err := p.conn.WriteMsgUnix(appendPost(nil, kind, ticket), rights, nil)
	return ticket, err
}

// shut ends the post; lanes that are open stay open.
func (p *post) shut() {
	if p != nil {
		_ = p.conn.Close()
	}
}

// inheritPost returns the sorter of the post that this process has inherited, with a goroutine that ends with the post; nil if there
// is none.
func inheritPost() *sorter {
	fd, err := strconv.Atoi(os.Getenv(laneVariable))
	if err != nil || fd < 3 {
		return nil
	}
	_ = os.Unsetenv(laneVariable) // The plugin's own children have no post.
	syscall.CloseOnExec(fd)
	conn, err := unixConn(fd)
	if err != nil {
		return nil
	}
	s := &sorter{lanes: map[uint64]chan net.Conn{}}
	go func() {
		defer func() { _ = conn.Close() }()
		_ = s.sort(func() (byte, uint64, net.Conn, error) { return receivePost(conn) }) // Without it, text goes through the messages.
	}()
	return s
}

// receivePost waits for a datagram.
func receivePost(conn *net.UnixConn) (kind byte, ticket uint64, lane net.Conn, err error) {
	var buf [postLength + 1]byte
	oob := make([]byte, syscall.CmsgSpace(4))
	n, oobn, _, _, err := conn.ReadMsgUnix(buf[:], oob)
	switch {
	case err != nil:
		return 0, 0, nil, err
	case n == 0:
		return 0, 0, nil, io.EOF
	case n != postLength:
		return 0, 0, nil, fmt.Errorf("the post holds a message of %d bytes", n)
	}
	for _, b := range buf[1:postLength] {
		ticket = ticket<<8 | uint64(b)
	}
	if oobn == 0 {
		return buf[0], ticket, nil, nil
	}
	messages, err := syscall.ParseSocketControlMessage(oob[:oobn])
	if err != nil || len(messages) != 1 {
		return 0, 0, nil, errors.Join(err, errors.New("the post holds no single message of control"))
	}
	fds, err := syscall.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		return 0, 0, nil, errors.Join(err, errors.New("the post holds no single descriptor"))
	}
	c, err := unixConn(fds[0])
	if err != nil {
		return 0, 0, nil, err
	}
	_ = c.SetWriteBuffer(laneSocket)
	return buf[0], ticket, c, nil
}

// socketPair returns two connected sockets, the second as a file to be given away.
func socketPair(kind int) (*net.UnixConn, *os.File, error) {
	fds, err := syscall.Socketpair(syscall.AF_UNIX, kind|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("make a pair of sockets: %w", err)
	}
	other := os.NewFile(uintptr(fds[1]), "lane")
	conn, err := unixConn(fds[0])
	if err != nil {
		other.Close()
		return nil, nil, err
	}
	return conn, other, nil
}

// unixConn makes a connection of a descriptor, which it takes over.
func unixConn(fd int) (*net.UnixConn, error) {
	f := os.NewFile(uintptr(fd), "lane")
	defer f.Close() // FileConn has made a copy.
	c, err := net.FileConn(f)
	if err != nil {
		return nil, fmt.Errorf("use a socket: %w", err)
	}
	u, ok := c.(*net.UnixConn)
	if !ok {
		c.Close()
		return nil, errors.New("use a socket: it is not a local one")
	}
	return u, nil
}
