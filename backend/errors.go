package backend

import (
	"errors"
	"fmt"
)

// Class says what an error of a Backend allows the caller to conclude.
type Class int

const (
	// Transient: it may work later; nothing is known about the object. Every
	// error that no driver classified is of this class.
	Transient Class = iota
	// Absent: the store answered that the object is not there.
	Absent
	// Exists: the object is there and was not replaced.
	Exists
	// Denied: credentials are missing, wrong, expired, or not allowed to do this.
	Denied
	// Missing: the bucket or endpoint is not there or is the wrong one.
	Missing
	// Corrupt: bytes differ from their checksum, on either side.
	Corrupt
	// TooLong: the store refuses the key for its length.
	TooLong
	// Invalid: the store will never accept this request as it is.
	Invalid
	// Canceled: the caller's context ended.
	Canceled
)

var classNames = [...]string{"transient", "absent", "exists", "denied", "missing", "corrupt", "too long", "invalid", "canceled"}

// String returns the class's name in lower case.
func (c Class) String() string {
	if c < 0 || int(c) >= len(classNames) {
		return fmt.Sprintf("class %d", int(c))
	}
	return classNames[c]
}

// Error is what drivers return.
type Error struct {
	Op    string // the method, in lower case: "put", "get", ...
	Key   string // the object, "" where there is none
	Class Class
	Code  string // the store's own code ("NoSuchBucket"), "" where there is none
	Err   error  // the cause; never holds a secret
}

// Error names the operation, the object and the cause.
func (e *Error) Error() string {
	s := e.Op
	if e.Key != "" {
		s += fmt.Sprintf(" %q", e.Key)
	}
	if e.Code != "" {
		s += ": " + e.Code
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// ClassOf returns the class of the first *Error in err's chain, Transient when
// there is none. It must not be called with nil.
func ClassOf(err error) Class {
	var e *Error
	if errors.As(err, &e) {
		return e.Class
	}
	return Transient
}

// IsAbsent reports whether err says for certain that the object is not there.
func IsAbsent(err error) bool { return err != nil && ClassOf(err) == Absent }
