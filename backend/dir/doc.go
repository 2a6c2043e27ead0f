// Package dir keeps objects in a directory, one plain file each.
//
// # Names
//
// A key becomes a path that is safe on any Linux file system and reads like the
// key. "%", "/", control characters, and a "." at the beginning of a name are
// percent-encoded; everything else stays. A name ends as soon as it has 238
// bytes; the rest of the key goes on in a directory of that name with "%" added,
// so a key and a longer key that begins with it never stand in each other's way:
//
//	a        a
//	a/b      a%2Fb
//	.x       %2Ex
//	(400 × a)   aaa…aaa%/aaa…aaa
//
// Where a name ends depends only on the bytes before it. Therefore no two keys
// share a path, and a walk that sorts each directory meets the keys in order.
// Names that begin with "." are the store's own: ".tmp" holds unfinished files.
//
// # Durability
//
// Put writes a temporary file with its headers, metadata and SHA-256 in the
// extended attribute "user.contentfs", syncs it, gives it its name with link (IfAbsent)
// or rename, and syncs the directory; only then it answers. A crash leaves at
// worst an unfinished file in ".tmp", which the next New removes: a file in use
// is locked, and a lock dies with its process. Directories of long keys
// are never removed.
//
// An object is reported Absent only while ".tmp" is there: a disk that is not
// mounted at the moment holds no ".tmp", and is Missing.
//
// Symbolic links are not followed at an object's name.
package dir
