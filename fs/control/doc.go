// Package control is the socket of a live mount: it answers what the database
// cannot, which is what the process is doing now, and it takes the requests that
// only the process can carry out: to drain, to unmount, and to look at once at what a
// command changed.
//
// # Protocol
//
// A unix stream socket carries lines of JSON. A connection holds one request,
// one line of at most 4 KiB, and its replies, one line each:
//
//	→ {"verb":"status"}
//	← {"status":{…}}
//
//	→ {"verb":"drain"}
//	← {"progress":{…}}      any number
//	← {"done":true}
//
//	→ {"verb":"wake"}
//	← {"done":true}
//
//	→ {"verb":"unmount","drain":true}
//	← {"progress":{…}}      any number
//	← {"result":{…}}
//
// A request that fails is answered with {"error":{"code":"…","text":"…"}}
// instead of its last line. While a request takes its time, the server sends an
// empty line every few seconds, so that a client can tell a slow volume from a
// dead one. A client that goes away gives up its request: the waiting ends, and
// what was not begun is not done.
//
// Unknown members of a request are refused, so that an option that an older
// daemon does not know is never silently ignored. Unknown members of a reply are
// skipped.
//
// # Who may ask
//
// The socket has mode 0600. Besides, the server asks the kernel who is
// calling (SO_PEERCRED) and serves root and its own user only.
//
// # Bounds
//
// A request must arrive within 5 seconds, a reply must be taken within 10, and
// at most 32 connections are served at once; more wait in the kernel's queue. A
// panic of the Handler is answered as an error and leaves the server alive.
package control
