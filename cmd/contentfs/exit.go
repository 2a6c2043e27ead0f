package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"contentfs/backend"
)

// Exit codes. Scripts rely on them: a number never gets another meaning.
const (
	exitOK          = 0   // done
	exitFailed      = 1   // finished, but something could not be done
	exitUsage       = 2   // the command line is wrong; nothing was done
	exitConfig      = 3   // configuration, credentials, bucket or this machine do not fit
	exitUnreachable = 4   // the store does not answer
	exitDifferences = 5   // a comparison found differences
	exitInterrupted = 130 // given up on a signal; what was done stays done
)

// failure is an error as the administrator reads it.
type failure struct {
	code int    // one of the exit codes
	what string // the thing that failed: "volume web", "option --cache-size"
	err  error  // why
	try  string // what can be done about it, "" when nothing is known
}

// Error returns what failed and why, on one line.
func (f *failure) Error() string {
	if f.err == nil {
		return f.what
	}
	return f.what + ": " + f.err.Error()
}

// Unwrap returns the cause.
func (f *failure) Unwrap() error { return f.err }

// usageError says that the command line is wrong.
func usageError(what, try, format string, args ...any) error {
	return &failure{code: exitUsage, what: what, err: fmt.Errorf(format, args...), try: try}
}

// configError says that the configuration or the machine does not fit.
func configError(what, try, format string, args ...any) error {
	return &failure{code: exitConfig, what: what, err: fmt.Errorf(format, args...), try: try}
}

// storeCode returns the exit code for an error of a backend.
func storeCode(err error) int {
	switch backend.ClassOf(err) {
	case backend.Denied, backend.Missing, backend.Invalid, backend.TooLong:
		return exitConfig
	case backend.Canceled:
		return exitInterrupted
	case backend.Transient:
		return exitUnreachable
	}
	return exitFailed
}

// exitCode returns the code that the program ends with when a command returned
// err.
func exitCode(err error) int {
	var f *failure
	var s *backend.Error
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &f):
		return f.code
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	case errors.As(err, &s):
		return storeCode(err)
	}
	return exitFailed
}

// report writes err for the administrator and returns the exit code. A failure
// without a text has been told already.
func report(w io.Writer, err error) int {
	code := exitCode(err)
	var f *failure
	isFailure := errors.As(err, &f)
	switch {
	case err == nil, isFailure && f.err == nil:
	case code == exitInterrupted && !isFailure:
		fmt.Fprintln(w, "contentfs: interrupted")
	default:
		fmt.Fprintf(w, "contentfs: %s\n", printable(err.Error()))
	}
	if isFailure && f.try != "" {
		fmt.Fprintf(w, "try: %s\n", printable(f.try))
	}
	return code
}

// told returns the error of a command that has printed its findings itself and
// only has its exit code left to say; nil for exitOK.
func told(code int) error {
	if code == exitOK {
		return nil
	}
	return &failure{code: code}
}
