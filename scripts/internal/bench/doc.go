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
// A measure is one entry of the table in measures.go.
package main
