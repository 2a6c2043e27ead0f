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
// A Collection removes garbage, and is the only code that deletes objects of a
// volume. It goes by the records alone, the bucket is not listed: an object that is
// on record nowhere is not ours to judge. What a bucket answers with an error ends
// the deletions there; what is gone already counts as deleted. A crash at any step
// leaves records that the next collection works off.
package audit
