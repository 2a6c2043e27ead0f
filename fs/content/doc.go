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
// no link is followed, and no mount point entered. Names in the tree win. A directory
// that cannot be read is an error for who looks, and is tried again by the next.
//
// A file that was taken in is read from where it lies. It has no checksum until its
// first whole read: till then its size and time say whether it still is what was taken
// in, and what is not is never delivered (ErrAltered).
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
//	taken in by half               names, and the origin       the next look goes on
//	superseded, not unlinked       trash row                   unlinked
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
//	    before stream.mu, orphans.mu, alterations.mu, adoption.mu (never held during I/O)
//
// live.lock of two nodes is never waited for at once: who makes room only tries.
// meta's methods take no lock of ours and may be called under any of them.
package content
