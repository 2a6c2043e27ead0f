// Package audit compares what is on record with what is there: metadata, local
// files, the fallback, objects.
//
// A Verification only reads, unless it is to repair; what differs is reported in
// sentences, and nothing is concluded from what could not be read. The volume may be
// mounted: what differs is looked at again until its record did not change meanwhile.
// A cure is one transaction on condition that the record is what was looked at, and
// follows another look at the place that is to be relied on:
//
//	local file wrong   object or copy good     given up, fetched again; kept in the
//	                                           quarantine if it may be content
//	                   nothing else on record  quarantine, lost
//	                   the others are bad or   nothing
//	                   do not answer
//	object wrong       local file or copy good sent again first of all, under a new key;
//	                                           not evictable from the same moment
//	copy wrong         object good             its record is dropped, the file stays
//
// A local file that somebody has open is left alone (a lease tells): a live mount must
// not find its file gone under a handle.
//
// The Quarantine holds what was set aside; a command lists it, brings it back or
// removes it.
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
