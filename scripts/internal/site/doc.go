// Site plays a site's life: the real program on a real mount, in front of a real S3
// server, used by a load like a CMS's that goes on while the administrator moves
// everything to S3, in part back, elsewhere within S3, and home again. scripts/site
// builds and starts what it needs.
//
// The site begins with a tree that was there before: names that hurt, up to 255 bytes
// long, modes, owners and times as they come, thousands of names in one directory, links
// into the tree and out of it, special files, empty and closed directories. It is used
// from the first moment, and looked into meanwhile. What nobody has written to since is
// compared with what it looked like, too.
//
// The truth is what the load wrote. It is kept in memory as a seed and a size for
// each path, and compared with every byte: after each stage through the mount, then
// once more by a new process without the local files, and in the end with the plain
// directory that is left. A missing file, a file too many, a wrong byte and a wrong
// count are differences, and the run ends with exit code 1.
//
// # The load
//
// A content item is one uid, with its files. One writer at a time works on it, so
// that the truth is never in doubt; several work on different ones. Writers upload,
// replace by a temporary name, write scales anew, rename and delete. Readers compare
// what they read. Reading may fail while S3 is away, and shortly after; wrong bytes
// may never come, and writing may never fail.
//
// # The counts
//
// What a command under load has moved cannot be foretold. So each stage runs its
// command while the load goes on, halts the load, waits until nothing is queued, asks
// by --dry-run what is left, runs the command once more and expects that number, and
// then nothing. Files, bytes and places that status tells are compared with the truth
// meanwhile.
//
// # Requests
//
// All requests pass a proxy that counts them by method, for each stage and apart from
// that for its comparison. An outage is this proxy's: nobody listens at its address.
package main
