// Package scripts holds the doors of this repository, and the tests that keep
// its rooms apart.
//
//	scripts/test   everything that must hold; what CI runs
//	scripts/demo   contentfs at work, on a real mount and a real S3 server
//	scripts/bench  figures of a mount beside those of a plain folder
//	scripts/crash  kills and power cuts, for as long as one likes
//	scripts/site   a site's life: to S3, within it, and back, under a load
//
// The doors run on a fresh Debian or Ubuntu with Go, gcc and git, and install the
// rest (lib.sh). The tests here read source files only: layout_test.go says who
// may import whom, bans_test.go what no code may do, and why.
package scripts
