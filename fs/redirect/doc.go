// Package redirect is a volume's door for web servers: an http.Handler that sends who
// asks for a file to its object, and gives the bytes where there is none yet.
//
// # What is answered
//
// The path of a request is that of the file inside the volume, percent-encoded:
//
//	302   the current version is in S3: the object's address
//	200   it is not: the bytes, as the object would have them (206, 304, 412, 416 by
//	      the conditions and ranges of the request)
//	400   a path that no file can have ("//", ".", "..", NUL, an encoded slash), a body
//	404   no such file; also a directory, a special file, a link that leads nowhere or
//	      out of the volume: what is there besides files is nobody's business
//	405   anything but GET and HEAD
//	500   an error, in the log
//	503   with Retry-After: the content is not here and cannot be fetched, is being
//	      written to, or too many are being served
//
// Permissions of files are not looked at: who reaches the door reads all. The path is
// the only thing of a request that is looked at besides conditions and ranges. It is
// taken as it is or refused, never cleaned: a web server in front that grants or denies
// by path must not read it otherwise than we do.
//
// Symlinks are followed inside the volume. An absolute target counts as inside when it
// begins with the mount point.
//
// "/healthz" tells a load balancer how the volume is, and hides a file of that name at
// the top of the volume. It answers 200 for as long as the volume serves: that S3 is
// away stands in the body, and is no reason to take the server out.
//
// # What may be kept, and for how long
//
// A redirect may be kept for a minute. An object never changes, and stays for days
// after its file was written anew, so a redirect that was kept leads to the content of
// a minute ago and never to nothing. Bytes may be kept and must be asked for each time,
// with an ETag that belongs to one version: soon there will be an object. Nothing else
// is kept at all.
//
// Last-Modified is when the version was committed, in whole seconds, rounded up, and is
// left out until that has passed: no two versions of a file ever answer with the same,
// and unlike a file's mtime no program sets it back.
//
// # Invariants
//
//   - A response holds bytes of one version, and all that its Content-Length promises
//     or the connection is cut: content.Committed sees to the first, net/http to the
//     second.
//   - No body names a path of this server, an error's text or a secret.
//   - The number of connections and of bodies is bounded, since their descriptors are
//     those that the mount needs too; and so is the time in which a reader makes no
//     progress.
//   - A panic ends one request.
//
// There are no locks but that of what /healthz remembers, which is held while the queue
// is counted.
package redirect
