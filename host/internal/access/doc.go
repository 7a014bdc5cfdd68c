// Package access decides who may follow what: credentials from one file, single-use tickets for browsers, the address of a client behind
// proxies, and the TLS settings of the listener.
//
// A request proves who it is in one of three ways: a bearer token, basic authentication, or a ticket (see [Access.ServeTicket]). Whatever is
// wrong with a proof, the answer is the same, so that nothing can be learned from it; failed attempts are counted for each address.
// Without a credentials file everybody may follow everything, and the listener is what keeps strangers out.
//
// Nothing here starts a goroutine; [Access.Run] and [TLS.Run] are called by whoever waits for them.
package access
