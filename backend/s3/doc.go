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
// Only a Put or Copy with PutOptions.ACL names an ACL, which a bucket may refuse.
//
// # Copies
//
// A Copy of up to 5 GiB is one CopyObject, which names the ETag of its source and
// replaces all headers; a source's tags stay with the copy. The result is verified
// by the SHA-256 that the store computes for it, told in the answer or else by one
// HEAD, or by an ETag that is an MD5 and that of the source. The metadata key
// "sha256" is what we wrote ourselves and proves nothing. Where a store tells
// neither, Copy is Invalid before anything is sent.
//
// AWS honours If-None-Match of a copy. Other stores may ignore it, versitygw
// among them, so that with IfAbsent a HEAD looks first: between it and the copy
// somebody else's object may be replaced.
//
// Larger sources are copied by UploadPartCopy in the parts they are made of, which
// are Put's or as large as the first; then, and only then, the parts' checksums
// together are the source's, and they are compared before the upload is completed.
// On AWS these are SHA-256 or MD5, elsewhere the MD5 of ETags: versitygw gives
// every part the SHA-256 of the whole source. It costs one or two HEADs of the
// source, and three requests besides the parts'.
//
// SignedURL computes an address and sends nothing.
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
// broken off and not repeated. A copy has a second more for every 16 MiB: 340 s
// for 5 GiB with the default of 20 s. The SDK repeats what failed for other passing
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
