package fault

import (
	"time"

	"contentfs/backend"
)

// Op is a method of the contract, named as in backend.Error.
type Op string

// The methods.
const (
	Put    Op = "put"
	Get    Op = "get"
	Stat   Op = "stat"
	Delete Op = "delete"
	List   Op = "list"
	Copy   Op = "copy" // Key is that of the result

	ListUploads Op = "list uploads"
	Abort       Op = "abort" // of an upload in parts
)

// Rule says what happens to which calls. Filters come first, then the count, then
// the effects; a zero effect has none. Of several rules that apply the one added
// first wins.
type Rule struct {
	Op  Op                    // "" for every method
	Key func(key string) bool // nil for every key; listings are asked with their prefix

	Skip  int // so many matching calls pass before the rule applies
	Times int // it applies to so many calls; 0 means for ever

	// Before is called when the rule applies, before any effect: the moment a
	// test waits for. It runs on the caller's goroutine and must not block long.
	Before func()

	Delay time.Duration // the call waits so long, or until its context ends
	Hang  bool          // the call waits until its context ends

	Fail  bool          // the call fails with Class and does nothing
	Lose  bool          // the call is carried out, and then fails with Class
	Class backend.Class // of Fail and Lose

	Short     int64 // bodies of Get end so many bytes early, with class Transient
	FlipByte  bool  // bodies of Get have their first byte changed, and no error
	CutListAt int   // a listing fails with Class after so many items
}
