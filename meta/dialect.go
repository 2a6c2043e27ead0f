package meta

// Dialect tells one database from another. Everything else about the store is
// the same SQL text on all of them.
type Dialect struct {
	// Name is the database's name, as in "sqlite".
	Name string

	// Rebind turns $1, $2 … of a statement into the database's placeholders.
	Rebind func(query string) string

	// Classify sorts an error of the driver.
	Classify func(err error) Class

	// InDoubt reports whether a COMMIT that ended with err may have happened all the
	// same, so that the next who opens the database finds it.
	InDoubt func(err error) bool

	// Begin starts a transaction that may write.
	Begin string

	// Durable and Visible are run outside of a transaction: after the first, a
	// commit returns when it is on stable storage; after the second, when every
	// reader sees it. In both cases commits reach the disk in order.
	Durable string
	Visible string

	// Others gives one number that changes when another connection committed
	// something; "" where there is no such thing.
	Others string

	// Log controls the write-ahead log; the zero value leaves it to the database.
	Log Log

	// CopyTo copies the database to the empty file $1, outside of a transaction; ""
	// where the database is copied by other means.
	CopyTo string
	// Quick gives "ok", or the first complaint about the structure of the database.
	// Damaged reports whether an error is such a complaint.
	Quick   string
	Damaged func(err error) bool

	// Pass is told the steps of the writer that are done and that a crash may follow:
	// "applied", "committed" (a batch), "copied" (the log), "ending", "emptied" (at
	// the end). It may be nil.
	Pass func(step string)

	// Verify are queries that give one row "ok", or a row for each complaint.
	Verify []string
}

// Log are the statements that control a write-ahead log. Pages, Copy, Restart and
// Truncate each give one row: whether something else was in the way, pages in the
// log, pages of them that are copied to the database.
type Log struct {
	Pages    string // tells, copies nothing
	Copy     string // copies what no reader is in the way of, waits for nobody
	Restart  string // copies everything and has the next transaction start anew
	Truncate string // copies everything and empties the log

	// ShortWait and LongWait say how long statements wait for readers and locks:
	// some milliseconds, or as long as at first.
	ShortWait string
	LongWait  string
}

// Class is what an error of the driver means for the store.
type Class int

const (
	// ClassOther is everything that has no class of its own.
	ClassOther Class = iota
	// ClassNoSpace is a full disk or an exhausted quota. The store goes on.
	ClassNoSpace
	// ClassBusy is a lock held by another process for long. The store goes on.
	ClassBusy
	// ClassConstraint is a row that contradicts another. The request fails alone.
	ClassConstraint
	// ClassBroken is a disk that failed or a damaged database. What was written
	// before may not be on the disk either, whatever the next sync says: the store
	// takes no more changes until it is opened again.
	ClassBroken
)
