// Package backendtest holds what tests of backends share.
//
//   - Run: the conformance suite. A driver keeps the contract of package backend
//     when it passes.
//   - Gateway: a real S3 server, versitygw, on loopback.
//   - Counter: a proxy in front of a server that records the requests it passes on.
//   - FaultServer: a handler in front of another that answers by script instead.
//
// It is imported by tests only.
package backendtest
