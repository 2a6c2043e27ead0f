// Package breaker keeps a store that does not answer from being asked again and
// again: while it is known to be away, every call fails at once, and one
// goroutine looks whether it is back.
//
// One Breaker stands for one endpoint and is shared by all that use it. It is
// closed (calls pass) until calls fail in a row or a connection cannot even be
// made; then it is open (calls fail with class Transient) until a trial succeeds.
// Whether the endpoint is away and whether it refuses us (wrong credentials, no
// such bucket) make no difference here: both can only be told, waited for and
// tried again.
//
// Errors of a single object (Absent, Exists, TooLong, Invalid, Corrupt) count as
// answers: the store is there. The answer to a Get is its whole body.
package breaker
