// Package metatest holds what every meta.Store must do, whatever database it is
// opened on: one suite, run by the packages that open it. Every test ends with
// the store's own check of its invariants.
package metatest
