// Package crash has the places at which the process can be made to end, so that what
// a crash leaves there is tested and not argued about.
//
// # What a point is
//
// A point lies between two steps of which the first may be on the disk or in S3 and
// the second not yet: a file is synced and not committed, a key is on record and
// nothing was sent, a row is given up and its file still there. It has a name,
// room/step, that tells which step was the last, and is passed by one line of code:
//
//	crash.Here(crash.CommitSynced)
//
// # Contract
//
// Nothing is armed by itself: a point costs the read of one pointer then. Arm sets
// one point to strike at its n-th pass; what reads the environment (Variable) and
// calls it is the program, once, before it does anything else, and it refuses a name
// that is no point's. It says on stderr that a point is armed, and which: who finds
// that in the log of a server has found why its mount ends.
//
// To strike is the end of the process. It says so on stderr, and then either kills
// itself, as kill -9 does, or stops itself whole (SIGSTOP), so that whoever armed it
// can cut the power of the disk first and kill it then. Nothing is cleaned up, no
// deferred call runs, and the goroutine that struck never goes on.
//
// # How to add one
//
// Give it a constant and its line in Points, in the order in which things happen, and
// pass it once, after the step that it is named for and before the next. The rooms
// at the bottom import nothing of ours: they tell their steps to a function that they
// were given (sqlite.Options.Pass, s3.Config.Pass, local.OpenReserve), which Pass makes
// of the room's name. A test in scripts holds that every point is passed by exactly one
// line of the program. Then the test of the points in cmd/contentfs has no scene for
// it and fails; give it one.
//
// # What a run proves
//
// That test ends the real program, with a real mount and a real S3 server, at every
// point: killed, and with the power of its disk cut. After each strike the volume is
// mounted again and compared with a ledger of what was answered before; what was under
// way may be there or not, whole. Then metadata, local files and objects are compared
// with each other; in the end all local files are taken away, and S3 alone is compared
// with the ledger. Where each point is struck once, scenes that allow it share a life,
// which compares what the one before left, and the local files are taken away once for
// all scenes of an act. A point that was not struck is a failure, so that a point which
// nothing passes any more does not count as tested.
//
// It proves nothing about two crashes at once beyond the scenes that have two, nothing
// about what lies inside one call of the kernel, of SQLite or of S3, and nothing about
// the order in which a disk writes what was not synced, beyond that none of it is there.
package crash
