package model

// Event is what happens to a volume besides what applications do.
type Event string

// The events.
const (
	// Upload: what is due is sent to the store, but for files that are written to.
	Upload Event = "upload"
	// Evict: local copies of what is in the store are thrown away, but for files
	// that are open.
	Evict Event = "evict"
	// OutageBegin: every request to the store fails from now on.
	OutageBegin Event = "outage begins"
	// OutageEnd: the store is back. No error may be left of the outage.
	OutageEnd Event = "outage ends"
	// LostReply: the next object gets to the store, and the answer is lost.
	LostReply Event = "reply lost"
	// Crash: the process ends at once; all descriptors are gone. It starts again.
	Crash Event = "crash"
	// Remount: all descriptors are closed, the process ends in order and starts
	// again.
	Remount Event = "remount"
)

// System is a filesystem under test. Its methods are called one after the other.
type System interface {
	// Do carries out an operation. Descriptors have the numbers that Open says.
	Do(Op) Result

	// Events returns the events that Raise knows.
	Events() []Event

	// Raise lets an event happen and returns when it is over. An error is a failure
	// of the system.
	Raise(Event) error

	// Verify looks for what no application can see. It is called while nothing else
	// happens; an error is a failure of the system.
	Verify() error
}

// Traits say where filesystems differ by right.
type Traits struct {
	// Falloc are the modes that fallocate takes besides none.
	Falloc []int
	// Deliver: close and fsync wait for the store, and fail with EIO while it is
	// away; what they committed is committed nevertheless.
	Deliver bool
	// Background: content is uploaded and evicted at any time, not by events only.
	Background bool
}
