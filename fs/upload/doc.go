// Package upload takes committed versions from this server to where they belong.
// The queue itself is in the metadata and survives everything; here are the
// workers that empty it.
//
// # One version's way
//
//	due        the debounce is over and nobody writes to the file
//	outgoing   checksum computed; key and checksum on record (durable)
//	settle     only if a key was on record before: HEAD tells whether the object
//	           is there, whole and ours; parts of a broken multipart are discarded
//	put        one PUT, or multipart; never over an existing object
//	delivered  a second look: nobody wrote meanwhile; "in S3" on record (durable)
//
// A crash between any two of these leaves a version that is on record as being
// sent; the next attempt begins with "settle". An answer that was lost, an error
// that says nothing, and an object that is there already (412) are all settled the
// same way: by looking, and comparing size and checksum. An object under our key
// that is not ours is left alone, and the version gets another key, made of an id
// that no version has. An upload that was broken off and whose version is not
// current any more is not taken up again: its object goes on record as lost.
//
// # Failure
//
// A version that fails is tried again for ever, each time after a longer, jittered
// pause of at most a minute. While the breaker says that the store is away, nobody
// tries at all. What cannot be put on record, because the disk is full, counts as no
// failure and is tried again after a second. Nothing but a recorded success, a newer
// version or an unlink takes an entry out of the queue.
//
// # Goroutines and locks
//
// Run owns one scheduler and a fixed number of workers. Uploader.mu guards which
// versions are under way or set aside; it is never held during I/O.
package upload
