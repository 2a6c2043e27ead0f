// Package mem keeps objects in memory: the reference that the conformance suite
// is read against, and the backend of unit tests. Nothing survives the process.
package mem
