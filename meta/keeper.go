package meta

import "time"

// Keeper looks after the files of a database, beside SQL. A Store that only reads, or
// whose database is a server's, has NoKeeper.
type Keeper interface {
	// Note is told the number of durable transactions after each of them, before
	// anybody is answered. It must not wait for the disk.
	Note(syncs int64)

	// Sync puts what was noted on stable storage. It is called every few seconds by
	// one goroutine.
	Sync() error

	// End is told that the writer ended in order, and whether the log was emptied.
	// Nothing is written after it.
	End(emptied bool) error

	// Unchecked reports whether the database was not read whole at its start although it
	// may be damaged: then that is done beside the work, and Suspect called if it is.
	Unchecked() bool
	Suspect() error

	// Freeze is called before the connections are closed, after the disk failed: their
	// end must not write to the database. It does what it can.
	Freeze() error

	// Close is called after the connections were closed.
	Close() error
}

// NoKeeper does nothing.
type NoKeeper struct{}

// Note does nothing.
func (NoKeeper) Note(int64) {}

// Sync does nothing.
func (NoKeeper) Sync() error { return nil }

// End does nothing.
func (NoKeeper) End(bool) error { return nil }

// Unchecked is false.
func (NoKeeper) Unchecked() bool { return false }

// Suspect does nothing.
func (NoKeeper) Suspect() error { return nil }

// Freeze does nothing.
func (NoKeeper) Freeze() error { return nil }

// Close does nothing.
func (NoKeeper) Close() error { return nil }

// noteInterval is how long what was noted may stay out of stable storage.
const noteInterval = 5 * time.Second

// noter has a Keeper sync what was noted, beside the writer: nobody waits for that.
// What fails is tried again; a note that is behind makes for a weaker check at the next
// start, and for nothing else.
type noter struct {
	end  chan struct{}
	done chan struct{}
}

func (n *noter) start(k Keeper) {
	n.end, n.done = make(chan struct{}), make(chan struct{})
	go func() {
		defer close(n.done)
		tick := time.NewTicker(noteInterval)
		defer tick.Stop()
		for {
			select {
			case <-n.end:
				return
			case <-tick.C:
				_ = k.Sync()
			}
		}
	}()
}

func (n *noter) stop() {
	if n.end != nil {
		close(n.end)
		<-n.done
	}
}
