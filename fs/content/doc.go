// Package content is the engine: what happens to a file from the open to the
// object in S3 and back. It knows no kernel protocol, no SQL and no SDK: it puts
// together meta (what is known), local (bytes on this server) and backend (bytes
// elsewhere).
//
// # The life of a version
//
// Open for writing. The kernel may write to the local file without telling us, so
// the draft is on record before the open returns. A file that is truncated, or
// that nobody else has open, gets a local file of its own, and the committed one
// stays untouched. Where others have the file open, the kernel insists on the
// same local file for all: then the committed content must exist elsewhere first,
// in S3, in the fallback, or as a clone made now. All handles of a node use one
// local file from the first open to the last release.
//
// Commit (flush of a changed file, fsync, before a rename): identity into the
// file's attributes, stat, fsync of the file, sync of the store's directory if
// the file is new, one durable transaction. Only then the answer. A failed fsync
// poisons the draft: every later commit fails too, and the last release takes it
// to the quarantine.
//
// Release of the last writer: what changed since the last commit (through a
// mapping, say) is committed, and the version is settled.
//
// Upload: Outgoing hands out a version when nobody writes to it, ours or left
// over; Delivered records it after a second look. See package upload.
//
// Elsewhere: Destination says what switch and rules make of a queued version, and what
// a command asked for. Settle brings it into the fallback, as a plain file at its path;
// Rekey gives it another key by a copy within the store.
//
// Follow: a file that gets another name is queued with that, in one transaction; a
// directory is put on record, and what is below it is queued some at a time, while the
// volume is mounted. What is under way when a name changes stays queued for the new one.
//
// Read: the local file; else S3; else the fallback. What was fetched is checked
// and synced before it counts as ours.
//
// Committed content, for who is not in the tree (package redirect): OpenCommitted gives
// one version and not the node. It opens the version's own file, and each read looks
// afterwards whether a writer may have had that file: such a reader gets bytes of that
// version or an error, and is never why a writer must share.
//
// # A tree that was there before
//
// What lies in the fallback when the volume first has one is part of the tree, from
// then on and without a scan: a directory is taken into the metadata before anybody
// looks into it or changes what is in it (takeIn), by one who does it for all that
// wait. Nobody sees it before it is whole. Nothing but directories is opened for that;
// extended attributes and access lists are taken in with the names; no link is followed, and no mount point entered. Names in the tree win. A directory
// that cannot be read is an error for who looks, and is tried again by the next.
//
// A file that was taken in is read from where it lies. It has no checksum until its
// first whole read: till then its size and time say whether it still is what was taken
// in, and what is not is never delivered (ErrAltered).
//
// # A full disk
//
// A disk has two marks above the reserve (roomOf). At the soft one local files go that
// are elsewhere too. At the hard one writers and new names get ErrFull, uploads wait for
// nothing (Hurried), what is fetched is read through memory and not kept, and content
// that is nowhere else moves to the fallback, if that is on another disk. What lies
// between the hard mark and the end is for files that are open already; the kernel lets
// their writers go on without asking us.
//
// When a change of the metadata finds no room it gets a piece of the reserve and is
// made again (relieve). So commits of what was taken, removals, renames and evictions go
// on. What finds no room in spite of that and nobody waits for is a chore, done when
// there is room. The reserve is filled again before writers are let in.
//
// The disk is full, for log and status, from the first refusal until there has been room
// for a while without one. Content whose close was refused for want of room is thrown
// away and not kept in quarantine: its writer knows.
//
// # Local files that are not what they were
//
// Bytes rot, and somebody swaps, cuts or removes what lies in the store. Before bytes
// of a local file are delivered, built upon or sent:
//
//	each open          kind, size and time; where they differ, the identity: another
//	                   node's file is never this one's
//	first open of a    its checksum, where one is known, of what lay there at the start
//	life               (trust). Above 64 MiB the open does not wait: the end of the
//	                   file is held back until all was compared (checkStream)
//	upload             its checksum, if an earlier attempt put one on record
//	Scrub              the checksum of all, at the start and every week
//
// What fails is given up (giveUpDamaged): the content is fetched again where S3 or the
// fallback has it, and lost where not. The file is unlinked only if its bytes cannot be
// anybody's content: rotten in place, or cut. Any other goes to the quarantine. A file
// whose time alone differs gets it back.
//
// Not detected: a changed byte with a restored time in content whose upload never
// began, since no checksum is known; that one of two such files of the same size and
// time has the other's place. Content that is only here and has another time and no
// less bytes than were committed is taken for the work of a writer whom nobody saw (a
// mapping, a descriptor that outlived a daemon), and committed as it is. Of content
// that was sent that is only believed while the probe for writers says so, or while the
// uploader watches it (Linger).
//
// An error is not an absence: what cannot be looked at (EACCES, ELOOP, EIO of what is
// only here) is left as it is and on record, the open fails, and the next one tries
// again. Where the permission is missing it is put back.
//
// # What a crash leaves, and what Recover makes of it
//
// Package crash has the points between all steps, at each of which the program is ended
// by a test.
//
//	after                          on disk                     Recover
//	local file made                file without row            removed if empty, else quarantined
//	draft on record                draft row and file          quarantined if it has changes, else dropped;
//	                                                           a name that never had content goes in the
//	                                                           same transaction
//	detached for writing in place  the same, base is in S3     the same; readers fetch the base
//	file synced, not committed     the same                    the same: close had not returned
//	committed, still open          version, marked Open        taken as found
//	fetched, not attached          file marked as copy         removed
//	evicted, not unlinked          trash row                   unlinked
//	placed in the fallback, not    stray row and file          unlinked; the version is
//	  settled                                                  queued still
//	key announced, not switched    lost object                 left to the collection
//	copied to the overflow, not    file there                  sweepOverflow: removed, or kept aside
//	  on record; or sent since
//	taken in by half               names, and the origin       the next look goes on
//	superseded, not unlinked       trash row                   unlinked
//
// A change whose outcome is in doubt (meta.ErrInDoubt) is treated as if it were made and as
// if it were not: new files that it would give to somebody stay, and nothing is removed
// any more. Nothing is ever unlinked because of what the metadata shows before that is
// durable.
//
// # Invariants
//
//   - A version's file is never written to, but while it is marked Open in the
//     metadata.
//   - A live node's local file changes only from none to one and back.
//   - Nothing here waits for S3 but the open and read of content that is not on
//     this server, and flush and fsync with durability "s3".
//
// # Lock order
//
//	live.lock (one node; may wait for disk, and for S3 when its content is fetched)
//	  before spaceMeter.mu (making room; may wait for disk)
//	    before Engine.placing (paths of the fallback; may wait for disk)
//	    before table.mu (which nodes are live; never held during I/O)
//	    before stream.mu, orphans.mu, chores.mu, alterations.mu, adoption.mu, trust.mu (never held during I/O)
//
// live.lock of two nodes is never waited for at once: who makes room only tries.
// meta's methods take no lock of ours and may be called under any of them.
package content
