// Package s3 keeps objects in a bucket of S3 or of a server that speaks its
// protocol. It is the only package that knows the AWS SDK.
//
// # Requests
//
// A Put of up to 64 MiB is one PUT: no HEAD, no LIST, no 100-continue. Larger
// bodies go in parts, four at a time, and appear under their key all at once.
// Every request carries the SHA-256 of its body, in x-amz-checksum-sha256 and in
// the signature; for a single PUT it is the caller's, so the body is read once.
// The body's SHA-256 is also kept as the metadata key "sha256", which Put adds and
// Stat turns into Object.SHA256 where the store vouches for none of its own.
// No request names an ACL.
//
// # Absence
//
// An answer to HEAD has no body, so a missing bucket, a missing key and a proxy
// that knows nothing all say 404. Therefore a 404 that does not name NoSuchKey is
// followed by one HeadBucket, and only a bucket that is there makes it Absent;
// otherwise the error has the class of that second answer. (Without s3:ListBucket
// a missing key is 403 and thus Denied: S3 does not tell.) NoSuchUpload is no absence
// of the object.
//
// # Time
//
// A request on which no byte moved for Config.Stall, in either direction, is
// broken off and not repeated. The SDK repeats what failed for other passing
// reasons at once, three attempts in all; a repeated PUT whose first reply got lost may
// answer Exists about its own object, which the caller settles with Stat.
//
// # Probe
//
// Stores exist that refuse conditional writes or checksums, and some that ignore
// them. Probe finds out and the Store then does without: IfAbsent becomes a Stat before
// the write, the checksum becomes Content-MD5 and, when the store echoes nothing, a
// comparison with the ETag. The probe's object has one constant content; on a store
// that ignores conditions it is written again, with the same bytes.
package s3
