// Package life drives the real program as an administrator and as fate would:
// it builds the binary once, mounts volumes with it in front of a real S3 server,
// kills it, cuts the power of the disk its state lies on, mounts again, and runs
// the other commands. It makes single system calls of the daemon fail, or kills it
// there (Trap), and lets its disk fail for a moment (NewFailingDisk). It knows the
// program by its command line, its exit codes and its JSON only.
//
// # Contract
//
// What a Volume starts ends with its test: processes by their id, mounts by
// their mount point, loop devices by their name. A process that is left, a mount
// that is left, and every warning in a daemon's log that the test did not announce
// with Expect fails the test.
//
// The program gets an environment of its own: the keys of its gateway, a home of
// its own, and nothing of the machine's.
package life
