// Package audit compares what is on record with what is there: metadata, local
// files, objects. Verify only reads; what differs is reported in sentences, and
// nothing is concluded from what could not be read.
//
// A Collection removes garbage. It goes by the records alone, the bucket is not
// listed. What a bucket answers with an error ends the deletions there; what is gone
// already counts as deleted. A crash at any step leaves records that the next
// collection works off. For some days after the metadata were rebuilt nothing is
// removed.
//
// # What no row knows
//
// A key is on record before its upload begins and until its object is gone, so an
// object that no row knows is rare: the late arrival of an upload that was given up
// and whose object was deleted before it came, or all that a database wrote which was
// lost. The second is data, which only a rebuild may judge. Orphans tells the two
// apart before anything else: an object names its volume and the life of the database
// that gave out the id in its key, and ids that this database did not give out in that
// life end the survey.
//
// What is left must be seen by two whole listings a day apart and be two days old. Both
// are told by the store's clock, in the answers that tell of the objects; this server's
// clock only ever delays (after a rebuild). A survey that fails anywhere leaves
// no trace. A removal goes the way of a collection: condemned on record, in the
// transaction that finds that still no row knows the key; deleted; forgotten.
//
// Uploads in parts that nobody finished have no metadata to tell whose they are. Those
// under our prefix, with a key of ours, more than a day old and on record nowhere are
// aborted: who was at it after all sends the parts again.
package audit
