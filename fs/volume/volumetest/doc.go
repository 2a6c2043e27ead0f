// Package volumetest mounts volumes for tests: in this process, on the real
// kernel, in front of a real S3 server. When a test ends its volume is unmounted
// and audited whole, metadata, local files and objects; what the audit finds, and
// every logged warning that the test did not announce, fails the test.
package volumetest
