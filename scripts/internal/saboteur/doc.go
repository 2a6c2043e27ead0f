// Command saboteur breaks contentfs on purpose, one promise at a time, and sees
// whether the tests notice. A promise that no test can break will be optimised away
// one day; a test that no broken build fails proves nothing.
//
// Each saboteur is one replacement in one file: small, compiling, and of the kind
// that a well-meaning change could bring. The job copies the sources, first runs the
// tests that are to catch something as they are (they must pass, else being caught
// says nothing), then each saboteur alone with its tests. One that survives fails
// the job.
//
// That the replacements still fit the sources is a test of the usual run
// (TestSaboteursFit); the job itself takes a while and has its own door,
// scripts/saboteurs.
package main
