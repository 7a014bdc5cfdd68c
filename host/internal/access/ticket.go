package access

import (
	"crypto/rand"
	"crypto/sha256"
	"net/netip"
	"sync"
	"time"
)

// Bounds of tickets.
const (
	ticketLife             = 30 * time.Second
	maxTickets             = 10_000
	maxTicketsOfCredential = 256
)

// tickets are the ones that are out. Each is bound to a log, a credential and an address, and is gone after one use.
type tickets struct {
	mu     sync.Mutex // guards what follows
	byHash map[[sha256.Size]byte]*ticket
	queue  []*ticket // in order of expiry; holds used ones until they expire
	count  map[*credential]int
}

type ticket struct {
	hash    [sha256.Size]byte
	expires time.Time
	from    netip.Addr
	id      Identity
	used    bool
}

func newTickets() *tickets {
	return &tickets{byHash: make(map[[sha256.Size]byte]*ticket), count: make(map[*credential]int)}
}

// issue makes a ticket of at least 128 random bits; ok is false if too many are out.
func (t *tickets) issue(c *credential, log string, from netip.Addr, now time.Time) (text string, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.expire(now)
	if len(t.queue) >= maxTickets || t.count[c] >= maxTicketsOfCredential {
		return "", false
	}
	text = rand.Text()
	k := &ticket{hash: sha256.Sum256([]byte(text)), expires: now.Add(ticketLife), from: from, id: Identity{credential: c, log: log}}
	t.byHash[k.hash] = k
	t.queue = append(t.queue, k)
	t.count[c]++
	return text, true
}

// redeem uses the ticket up and says what it is good for, if it comes from the right address in time. The text is looked up by its digest, so
// that the time that takes tells nothing.
func (t *tickets) redeem(text string, from netip.Addr, now time.Time) (Identity, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.expire(now)
	k := t.byHash[sha256.Sum256([]byte(text))]
	if k == nil {
		return Identity{}, false
	}
	t.forget(k)
	if k.from != from || k.id.revoked() {
		return Identity{}, false
	}
	return k.id, true
}

// expire forgets the tickets whose time is over. mu is held.
func (t *tickets) expire(now time.Time) {
	n := 0
	for n < len(t.queue) && !now.Before(t.queue[n].expires) {
		t.forget(t.queue[n])
		t.queue[n] = nil
		n++
	}
	t.queue = t.queue[n:]
}

// forget takes k out of everything but the queue. mu is held.
func (t *tickets) forget(k *ticket) {
	if k.used {
		return
	}
	k.used = true
	delete(t.byHash, k.hash)
	if t.count[k.id.credential]--; t.count[k.id.credential] == 0 {
		delete(t.count, k.id.credential)
	}
}
