// Package audit compares what is on record with what is there: metadata, local
// files, objects. Verify only reads; what differs is reported in sentences, and
// nothing is concluded from what could not be read.
//
// A Collection removes garbage, and is the only code that deletes objects of
// content. It goes by the records alone, the bucket is not listed: an object that is
// on record nowhere is not ours to judge. What a bucket answers with an error ends
// the deletions there; what is gone already counts as deleted. A crash at any step
// leaves records that the next collection works off. For some days after the metadata
// were rebuilt nothing is removed.
package audit
