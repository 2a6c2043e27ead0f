// Package programs proves that programs notice nothing: each of its tests runs
// real ones, as Debian has them, on a mounted volume and on a plain directory
// beside it, and compares. A difference in exit codes, in what the programs say,
// or in the tree that they leave behind fails the test. The tree is compared by
// names, types, modes, owners, times, link counts, content, holes and extended
// attributes. Access times are compared only where a program sets them.
//
// Only the web servers in front of a volume's HTTP have nothing to be compared with:
// they run with the very configuration that README.md gives, and curl says what came.
//
// All programs come from the packages that scripts/test installs. They are looked
// for where packages put them, and nowhere else; they run with an empty
// environment, so that no setting of who runs the tests reaches them. Servers
// listen on loopback and end with the test.
package programs
