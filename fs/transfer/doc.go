// Package transfer moves what is there already: from the fallback to S3, back, or to
// another bucket or prefix, while the application goes on working.
//
// It carries nothing itself. It walks the tree, picks what was asked for, gives some
// at a time an errand in the upload queue, and watches how each of them ends. Who
// carries the errands out is whoever has the volume: the mount, or the command itself
// where there is none. So a transfer that is interrupted, in whatever way, leaves at
// most one window of errands, which the volume carries out or the command withdrew;
// all the rest is facts on record, and to run it again goes on where it stopped.
//
// # What is given up
//
// A copy at the place that content came from stays, unless the caller asks to give it
// up. Then the copy at the new place is verified first, by size and checksum, and the
// record is changed in one transaction that fails if the version is not safe there.
// A copy in the fallback is removed at once; an object is left to the garbage
// collection, since visitors may still have its address.
//
// # Failures
//
// A version that failed a few times is counted as such and stays in the queue, with
// its error, where it is tried again for ever. Everything stops when nothing gets
// anywhere for a while, as when S3 is away.
package transfer
