// Package takeover makes files of objects that were in a bucket before: of those that
// collective.contentfiles2aws wrote, of a plain tree of keys, and of those of a volume
// whose database is gone.
//
// A takeover has two halves. Plan lists the bucket and decides, object by object,
// which path each of them has; it changes nothing. Execute puts the files on record.
// Nothing is uploaded, downloaded, copied or removed: the object stays where it is,
// under its key, and becomes the content of the file. A listing that could not be
// read to its end makes no plan.
//
// # Contract
//
// What a key means is never guessed. An object that can be read in two ways, that
// shares its path with another, or that no path fits is reported, with the reason, and
// left alone; so is one at whose path there is something else. What is on record under
// its key already is skipped, so that a takeover that ended early is run again, and
// goes on.
//
// Buckets are not trusted: keys, sizes, times and metadata may be anything. What
// cannot be is reported and never panics; permissions that give another's rights
// (set-user-ID and its kind) are not taken over.
//
// What a volume keeps about itself in a bucket (content.Reserved) is no content, and
// left out.
//
// A plan is in memory: some hundred bytes for each object.
//
// # What a crash leaves
//
// Files are recorded in transactions of some hundred, each of which is whole or not
// there.
package takeover
