// Package snapshot keeps copies of a volume's metadata in its bucket, for the day on
// which the database is lost: names, links, modes, attributes and what was deleted,
// which the objects alone do not tell. Content is not in them.
//
// # Contract
//
// A Taker belongs to a live mount and asks nobody: it copies when something was
// changed, some time after the last copy, and at the orderly end. It is never in the
// way: changes go on during a copy, and what goes on failing is logged once and tried again. A
// copy is owed from the first change on, which is on record, so that the next life
// takes it if this one could not.
//
// A copy is one object below the volume's prefix,
//
//	<prefix>/.contentfs/<volume id>/snapshot/<sequence>-<SHA-256 of the object>.gz
//
// in which the sequence is an id that was reserved for it in the same order as those of
// versions: an object of content with a later id is not in the copy. No key of content
// looks like that, and IsReserved tells whoever lists the bucket. A copy is put only
// where nothing is, is never replaced, and its own name says whether it is whole. To
// take copies needs no other permission than to upload: old ones are removed by the
// garbage collection (Thin).
//
// # Privacy
//
// A copy has all names and paths, deleted ones too. It is stored without an ACL, as
// octets that no cache keeps. Where a bucket's policy lets everybody read all of it,
// the key is what protects a copy: it cannot be guessed, but it can be listed. Such a
// policy should leave out */.contentfs/*.
//
// # Why not a replicator
//
// Litestream ships every transaction, which would lose fewer names. As a library it
// brings a second SQLite (modernc.org/sqlite) into the process: the two would not know
// of each other's locks on the same file, and a descriptor that one closes drops the
// locks of the other. It makes a table of its own, keeps a reader open and copies the
// log itself, which here the writer does between two batches; and it deletes what it
// replaces, which a mount is not allowed to. What is missing since the last copy comes
// from the objects and from the local files (package rebuild), so that a copy of some
// minutes ago is enough: only names and deletions since then are lost.
//
// # What a crash leaves
//
//	after                    left                    and then
//	copied                   a file in the state     removed by the next Run
//	put, some parts of it    an upload on record     given up by the next Run
//	put, not on record       the object              another copy is taken; both are good
package snapshot
