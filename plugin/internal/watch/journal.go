package watch

import (
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sys/unix"
)

// Event is one thing that happened to an entry of a folder.
type Event struct {
	// Name is the entry. It is empty for what happened to the folder itself.
	Name string
	// Cookie ties the two halves of a rename together; 0 otherwise.
	Cookie uint32
	mask   uint32
}

// Kind is what happened.
type Kind int

// The kinds of [Event].
const (
	// Other: something that does not change names, such as a change of permissions.
	Other Kind = iota
	// Created: a file was created or linked under the name.
	Created
	// Deleted: the name was removed.
	Deleted
	// MovedFrom: a rename took the name away.
	MovedFrom
	// MovedTo: a rename gave the name to a file, away from any other that had it.
	MovedTo
	// FolderGone: the folder itself was removed or renamed, and the journal says nothing any more about the path.
	FolderGone
	// Overflow: events have been lost.
	Overflow
)

// Kind returns what happened.
func (e Event) Kind() Kind {
	switch {
	case e.mask&unix.IN_Q_OVERFLOW != 0:
		return Overflow
	case e.mask&(unix.IN_DELETE_SELF|unix.IN_MOVE_SELF|unix.IN_UNMOUNT|unix.IN_IGNORED) != 0:
		return FolderGone
	case e.mask&unix.IN_CREATE != 0:
		return Created
	case e.mask&unix.IN_DELETE != 0:
		return Deleted
	case e.mask&unix.IN_MOVED_FROM != 0:
		return MovedFrom
	case e.mask&unix.IN_MOVED_TO != 0:
		return MovedTo
	default:
		return Other
	}
}

// IsFolder reports whether the entry is a folder.
func (e Event) IsFolder() bool { return e.mask&unix.IN_ISDIR != 0 }

// MakeEvent returns an event as the kernel would have sent it, for tests of what reads journals.
func MakeEvent(kind Kind, name string, cookie uint32) Event {
	mask := map[Kind]uint32{
		Other: unix.IN_ATTRIB, Created: unix.IN_CREATE, Deleted: unix.IN_DELETE, MovedFrom: unix.IN_MOVED_FROM,
		MovedTo: unix.IN_MOVED_TO, FolderGone: unix.IN_DELETE_SELF, Overflow: unix.IN_Q_OVERFLOW,
	}[kind]
	return Event{Name: name, Cookie: cookie, mask: mask}
}

const namesMask = unix.IN_CREATE | unix.IN_DELETE | unix.IN_MOVED_FROM | unix.IN_MOVED_TO | unix.IN_ATTRIB |
	unix.IN_DELETE_SELF | unix.IN_MOVE_SELF | unix.IN_ONLYDIR

// MaxJournal is the most events that wait in a journal; when more come, it says [Overflow].
const MaxJournal = 65_536

// Journal is what happens to the entries of one folder, in the order in which it happened.
type Journal struct {
	q      *queue
	wd     int32
	l      *listener
	notify func()

	mu     sync.Mutex // guards events; taken after the queue's lock
	events []Event
	over   bool
	muted  bool
}

// Journal begins to record what happens in the folder behind the descriptor fd, which may be closed afterwards. notify is called when there is something to [Journal.Take]; it
// runs on any goroutine that drains the queue and must be short.
func (w *Watcher) Journal(fd int, notify func()) (*Journal, error) {
	if !w.On() {
		return nil, ErrOff
	}
	j := &Journal{q: w.names, notify: notify}
	j.l = &listener{event: j.record}
	wd, err := w.names.add(fmt.Sprintf("/proc/self/fd/%d", fd), namesMask, j.l)
	if err != nil {
		return nil, err
	}
	j.wd = wd
	return j, nil
}

// fence waits until every change that can be seen in the folder behind dir has been told.
//
// A change can be seen a moment before it is told, and that moment lasts for as long as the process that makes it is given no processor. But
// the kernel holds the lock of the folder from before the change until after it has been told, and listing the folder takes that lock. So it is
// listed, into a buffer that holds no entry: it is the waiting that counts.
func fence(dir int) {
	var none [1]byte
	for {
		if _, err := unix.Getdents(dir, none[:]); !errors.Is(err, unix.EINTR) {
			return
		}
	}
}

func (j *Journal) record(e Event) {
	j.mu.Lock()
	switch {
	case j.over || j.muted:
	case e.Kind() == Overflow || len(j.events) >= MaxJournal:
		j.over = true
		j.events = append(j.events, MakeEvent(Overflow, "", 0))
	default:
		j.events = append(j.events, e)
	}
	j.mu.Unlock()
	j.notify()
}

// Take returns what happened since the last call. dir is a descriptor of the folder: all of what could be seen in it before the call is told
// then. With a negative one, the last moments may be missing. After an [Overflow] it is not known what else happened.
//
// The journal does not keep the folder open itself, because then nothing would tell that it was removed.
func (j *Journal) Take(dir int) []Event {
	if dir >= 0 {
		fence(dir)
	}
	j.q.drain()
	j.mu.Lock()
	defer j.mu.Unlock()
	events := j.events
	j.events, j.over = nil, false
	return events
}

// Interrupt loses all events until resume is called, which records an [Overflow], as the kernel does when its queue is full. It is
// for tests.
func (j *Journal) Interrupt() (resume func()) {
	j.mute(true)
	return func() {
		j.q.drain()
		j.mute(false)
		j.record(MakeEvent(Overflow, "", 0))
	}
}

func (j *Journal) mute(muted bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.muted = muted
}

// Close ends the journal. Closing a nil journal does nothing.
func (j *Journal) Close() {
	if j != nil {
		j.q.remove(j.wd, j.l)
	}
}
