// Package rebuild makes the metadata of a volume again, when its database is lost or
// damaged, of what there still is.
//
//	a copy of the metadata   package snapshot: everything up to when it was taken
//	the bucket's listing     objects made since, or all of them where there is no copy:
//	                         paths, modes, times and checksums stand in their metadata
//	the local files          content that was committed and not uploaded: identity, size
//	                         and path stand in their attributes
//	the fallback             is left to the mount, which takes it in, again where it had:
//	                         names that are on record stay as they are
//
// # Contract
//
// Build makes a new database beside the old one and changes nothing else; it is the
// plan, and exact. Install puts it in the old one's place. The caller holds the
// volume's lock from before Build to after Install.
//
// Build refuses nothing that it can do without, but never takes an error for an
// absence: what the store does not answer ends it. A copy that is damaged gives way to
// the one before. What is in the bucket is not trusted: what cannot be is reported and
// left alone. Local content that is not clearly the newest of its file goes to the
// quarantine; none is ever removed.
//
// # Order
//
// Objects come in the order of their ids, so that the newest of a path wins, and those
// before are its history. Then the local files, the newest first: one that follows the
// content on record is committed, one that has the same bytes as a version becomes its
// local file.
//
// # What cannot be told
//
// What was deleted or renamed after the copy was taken may be there again under its
// old name. Without a copy only files come back that were uploaded or lie here: no
// links, no empty directories, no attributes of directories, no extended attributes.
// That is why nothing is collected as garbage for a while afterwards (meta.Rebuilt).
//
// # What a crash leaves
//
// Before Install has decided, the old database and a file that the next Build removes;
// afterwards the new one, or one that the next mount or rebuild puts in place
// (sqlite.Replace).
package rebuild
