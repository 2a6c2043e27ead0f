// Bench measures a mount of contentfs beside a plain folder on the same disk, and
// prints the ratios. scripts/bench builds and starts what it needs.
//
// Every measure runs in rounds; a round runs once on the folder and once on the
// mount, in turns, so that both meet the same machine. What counts is the median
// of the rounds' ratios: figures of two runs, or of two machines, are not
// comparable, ratios of one round are.
//
// Both sides must promise the same: where close on the mount means that content
// and name are on the disk, the plain side syncs the file and its folder. What is
// read is in the kernel's cache on both sides: contentfs has no cache of its own
// beside it, and without it the disk would be measured. Uploads begin two seconds
// after a close; each round is over before, and the next one waits until all is
// in S3, and on the disk.
//
// Measures of names are in namemeasures.go. What they time is a request's way through
// the process, so the S3 server is kept out of reach meanwhile: uploads to a server on
// the same machine take more of it than the requests. Where their mounts are relaxed,
// the plain side does not sync either. A cold round begins with a new process and
// empty caches of the kernel.
//
// A measure is one entry of the tables in measures.go and namemeasures.go; its family
// chooses all of a table.
package main
