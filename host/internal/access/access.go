package access

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// attemptBurst and attemptEvery: how often one address may fail at once, and how long until it may once more.
	attemptBurst = 10
	attemptEvery = 10 * time.Second
	// hashing is how many secrets are worked on at a time, and hashWait how long one may wait for its turn.
	hashing  = 2
	hashWait = 5 * time.Second
)

// Options say who is let in.
type Options struct {
	// File is the credentials file: lines name:HASH[:root[,root]]. Empty: everybody may follow everything.
	File string
	// Proxies says whose word about addresses is believed; nil: nobody's.
	Proxies *Proxies
	// Poll is the time between two looks at the file; 0 means 2 s.
	Poll time.Duration
	// OnReload is told about each reading of the file, the first one, within New, included: how many credentials there are now, or why the
	// old ones stay. It must return soon. May be nil.
	OnReload func(credentials int, err error)
}

// Access checks requests. It is safe for concurrent use.
type Access struct {
	proxies  *Proxies
	poll     time.Duration
	file     *files // nil: everybody may follow everything
	current  atomic.Pointer[credentials]
	attempts *attempts
	tickets  *tickets
	key      [sha256.Size]byte // of the digests under which secrets are remembered
	turns    chan struct{}     // holds one element for each secret being worked on

	mu      sync.Mutex // guards flights
	flights map[[sha256.Size]byte]*flight
}

// flight is one secret being worked on; whoever brings the same one waits for the outcome.
type flight struct {
	done    chan struct{} // closed when the rest is set
	found   *credential   // nil: wrong
	refusal *Refusal      // not looked at
}

// New reads the credentials file, if there is one; every error names it.
func New(o Options) (*Access, error) {
	a := &Access{
		proxies:  o.Proxies,
		poll:     o.Poll,
		attempts: newAttempts(attemptBurst, attemptEvery),
		tickets:  newTickets(),
		turns:    make(chan struct{}, hashing),
		flights:  make(map[[sha256.Size]byte]*flight),
	}
	if a.poll <= 0 {
		a.poll = defaultPoll
	}
	rand.Read(a.key[:]) // It never fails: without randomness the program ends.
	if o.File == "" {
		return a, nil
	}
	a.file = &files{names: []string{o.File}, limit: maxCredentialsFile, apply: func(contents [][]byte) error {
		set, err := parseCredentials(contents[0])
		if err != nil {
			return fmt.Errorf("%s: %w", o.File, err)
		}
		set.replaces(a.current.Load())
		a.current.Store(set)
		return nil
	}}
	if err := a.file.load(); err != nil {
		return nil, fmt.Errorf("credentials: %w", err)
	}
	if o.OnReload != nil {
		a.file.report = func(err error) { o.OnReload(len(a.current.Load().byName), err) }
		a.file.report(nil)
	}
	return a, nil
}

// Required reports whether a request has to prove who it is.
func (a *Access) Required() bool { return a.file != nil }

// Knows reports whether name is that of a credential.
func (a *Access) Knows(name string) bool {
	set := a.current.Load()
	return set != nil && set.byName[name] != nil
}

// Run watches the credentials file until ctx ends, and returns nil.
func (a *Access) Run(ctx context.Context) error {
	if a.file == nil {
		<-ctx.Done()
		return nil
	}
	return a.file.run(ctx, a.poll)
}

// Reload reads the credentials file now. After an error the old credentials stay valid.
func (a *Access) Reload() error {
	if a.file == nil {
		return nil
	}
	return a.file.load()
}

// Client is the address that r comes from, see [Proxies.Client].
func (a *Access) Client(r *http.Request) netip.Addr { return a.proxies.Client(r) }

// Check says who r comes from. Every error is a [*Refusal].
//
// A WebSocket handshake may bring a ticket; then that decides, and is used up, whatever comes of it. Otherwise the Authorization header does.
func (a *Access) Check(r *http.Request) (Identity, error) {
	if a.file == nil {
		return Identity{everything: true}, nil
	}
	from, now := a.proxies.Client(r), time.Now()
	if ticket, ok := ticketOf(r); ok {
		if wait := a.attempts.wait(from, "", now); wait > 0 {
			return Identity{}, limited(wait)
		}
		id, ok := a.tickets.redeem(ticket, from, now)
		if !ok {
			a.attempts.failed(from, now)
			return Identity{}, &Refusal{Reason: ReasonTicket}
		}
		return id, nil
	}
	c, refusal := a.login(r, from, now)
	if refusal != nil {
		return Identity{}, refusal
	}
	return Identity{credential: c}, nil
}

// login looks at the Authorization header.
func (a *Access) login(r *http.Request, from netip.Addr, now time.Time) (*credential, *Refusal) {
	p := proofOf(r)
	if p.missing {
		return nil, &Refusal{Reason: ReasonMissing, bearer: p.bearer}
	}
	if wait := a.attempts.wait(from, p.name, now); wait > 0 {
		return nil, limited(wait)
	}
	if p.secret == "" {
		a.attempts.failed(from, now)
		return nil, &Refusal{Reason: ReasonWrong, bearer: p.bearer}
	}
	set := a.current.Load()
	known := set.byName[p.name] // nil for a name that is not known
	digest := a.digest(p)
	if known != nil && known.remembers(&digest) {
		a.attempts.succeeded(from, p.name)
		return known, nil
	}
	f, mine := a.join(digest)
	if mine {
		f.found, f.refusal = a.work(set, known, p, digest, from)
		a.land(digest, f)
	} else {
		select {
		case <-f.done:
		case <-r.Context().Done():
			return nil, &Refusal{Reason: ReasonBusy, RetryAfter: time.Second}
		}
	}
	switch {
	case f.refusal != nil:
		return nil, f.refusal
	case f.found == nil:
		return nil, &Refusal{Reason: ReasonWrong, bearer: p.bearer}
	}
	return f.found, nil
}

// work compares the secret with the hash, which takes its time, in turn with others.
func (a *Access) work(set *credentials, known *credential, p proof, digest [sha256.Size]byte, from netip.Addr) (*credential, *Refusal) {
	bucket, wait := a.attempts.begin(from, p.name, time.Now())
	if wait > 0 {
		return nil, limited(wait)
	}
	failed := true
	defer func() { a.attempts.end(bucket, failed, time.Now()) }()

	patience := time.NewTimer(hashWait)
	defer patience.Stop()
	select {
	case a.turns <- struct{}{}:
		defer func() { <-a.turns }()
	case <-patience.C:
		failed = false
		return nil, &Refusal{Reason: ReasonBusy, RetryAfter: hashWait}
	}
	if known == nil {
		set.decoy.check(p.secret) // An unknown name takes as long as a known one.
		return nil, nil
	}
	if !known.hash.check(p.secret) {
		return nil, nil
	}
	failed = false
	known.verified.Store(&digest)
	a.attempts.succeeded(from, p.name)
	return known, nil
}

// join returns the flight of digest; mine means that the caller has to do the work and land it.
func (a *Access) join(digest [sha256.Size]byte) (f *flight, mine bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if f, ok := a.flights[digest]; ok {
		return f, false
	}
	f = &flight{done: make(chan struct{})}
	a.flights[digest] = f
	return f, true
}

func (a *Access) land(digest [sha256.Size]byte, f *flight) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.flights, digest)
	close(f.done)
}

// digest is what a name and its secret are remembered by. The key lives as long as the process, so that the digest is worth nothing elsewhere.
func (a *Access) digest(p proof) [sha256.Size]byte {
	h := hmac.New(sha256.New, a.key[:])
	fmt.Fprintf(h, "%d:%s%s", len(p.name), p.name, p.secret)
	return [sha256.Size]byte(h.Sum(nil))
}
