package meta

import "fmt"

// opError says what failed on what. It is formatted only when it is read:
// lookups of names that do not exist are common, and nobody reads their error.
type opError struct {
	op   string
	kind string // "node", "version", "file", …
	id   any    // nil where the name says enough
	name []byte // of an entry in node id, nil otherwise
	err  error
}

// Error says it as in: meta: unlink "x" in node 7: directory not empty.
func (e *opError) Error() string {
	switch {
	case e.name != nil && e.id != nil:
		return fmt.Sprintf("meta: %s %q in %s %v: %v", e.op, e.name, e.kind, e.id, e.err)
	case e.name != nil:
		return fmt.Sprintf("meta: %s %q: %v", e.op, e.name, e.err)
	case e.id != nil:
		return fmt.Sprintf("meta: %s %s %v: %v", e.op, e.kind, e.id, e.err)
	}
	return fmt.Sprintf("meta: %s: %v", e.op, e.err)
}

// Unwrap gives the reason.
func (e *opError) Unwrap() error { return e.err }

// The helpers below give nil for a nil err.

func opErr(op string, err error) error {
	if err == nil {
		return nil
	}
	return &opError{op: op, err: err}
}

func nodeErr(op string, ino Ino, err error) error {
	if err == nil {
		return nil
	}
	return &opError{op: op, kind: "node", id: ino, err: err}
}

func nameErr(op string, parent Ino, name []byte, err error) error {
	if err == nil {
		return nil
	}
	return &opError{op: op, kind: "node", id: parent, name: append([]byte{}, name...), err: err}
}

func pathErr(op string, path []byte, err error) error {
	if err == nil {
		return nil
	}
	return &opError{op: op, name: append([]byte{}, path...), err: err}
}

func versionErr(op string, id VersionID, err error) error {
	if err == nil {
		return nil
	}
	return &opError{op: op, kind: "version", id: id, err: err}
}

func fileErr(op string, file FileID, err error) error {
	if err == nil {
		return nil
	}
	return &opError{op: op, kind: "local file", id: file, err: err}
}
