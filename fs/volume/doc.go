// Package volume puts one running filesystem together and takes it apart again.
//
// # Start
//
// On a full disk a step that must put something on record gets room of the reserve, or
// waits for room (awaitRoom).
//
// Open locks the state directory and opens what lies in it; nothing runs yet. Run
// starts the metadata's writer, lets the engine recover, listens for HTTP, mounts, and
// starts the rest; it tells when the mount answers. None of this needs S3. An address
// that cannot be listened on is told before there is a mount. Later, a door for web
// servers that fails is logged and does not end the mount, which others work on.
//
// # Goroutines
//
// Run owns all that live as long as the volume:
//
//	writer     meta.Store.Run: every change of the metadata
//	serve      the kernel's requests
//	upload     upload.Uploader.Run: scheduler and workers
//	evict      content.Engine.Evict: the bound of the cache
//	spare      local.Store.Run: local files that lie ready
//	sweep      content.Engine.Sweep: files nobody needs, nodes without names
//	follow     content.Engine.Follow: what is below directories that got other names
//	scrub      content.Engine.Scrub: local files that are not what they were
//	watch      breaker.Breaker.Run: looks whether S3 is there
//	heed       what commands change in the database
//	copies     snapshot.Taker.Run: copies of the metadata in the bucket
//	control    control.Serve: the socket
//	http       redirect.Handler.Run: the door for web servers
//
// # End, in this order
//
//  1. what is in the queue is sent, for as long as it may take (Drain)
//  2. the mount leaves the tree: no request comes any more, but from those who
//     have files open; they are answered until the process ends
//  3. control, http, heed, follow, copies, upload, spare, evict, sweep, scrub, watch stop;
//     what they had under way is on record and settled at the next start. http accepts
//     no more requests, lets the responses under way go on for some seconds, and cuts
//     off the rest
//     If the fallback is to be a plain tree (content.Engine.Plain), it is arranged
//     A last copy of the metadata is taken, if one is owed and S3 is there (lastCopy)
//  4. the writer answers what waits, syncs and checkpoints
//  5. local store, fallback, database and lock are closed
//
// A writer that fails by itself begins the end. Nothing can be put on record then, so that
// nothing is drained, arranged or copied either, and nothing removed.
//
// A crash at any of these steps, or before, costs nothing that was promised: Run
// begins with what the last life left.
package volume
