package driver

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"contentfs/backend"
)

// MaxKey is the longest key of the contract, in bytes.
const MaxKey = 1024

// Fail returns the error of one call, of the given class.
func Fail(op, key string, class backend.Class, err error) error {
	return &backend.Error{Op: op, Key: key, Class: class, Err: err}
}

// Interrupted returns nil while ctx is alive, and the call's error afterwards.
func Interrupted(ctx context.Context, op, key string) error {
	if ctx.Err() == nil {
		return nil
	}
	return Fail(op, key, ContextClass(ctx), context.Cause(ctx))
}

// ContextClass is the class of an error that has no better one: Canceled when
// the caller gave up, else Transient. A deadline that passed is Transient: the
// caller still wants the work done.
func ContextClass(ctx context.Context) backend.Class {
	if errors.Is(ctx.Err(), context.Canceled) {
		return backend.Canceled
	}
	return backend.Transient
}

// CheckKey refuses, with TooLong or Invalid, what the contract calls no key, and
// a context that has already ended.
func CheckKey(ctx context.Context, op, key string) error {
	switch {
	case key == "":
		return Fail(op, key, backend.Invalid, errors.New("empty key"))
	case len(key) > MaxKey:
		return Fail(op, key, backend.TooLong, fmt.Errorf("key of %d bytes, more than %d", len(key), MaxKey))
	case !utf8.ValidString(key):
		return Fail(op, key, backend.Invalid, errors.New("key is not valid UTF-8"))
	}
	return Interrupted(ctx, op, key)
}

// CheckPut refuses what no driver could store and give back unchanged.
func CheckPut(ctx context.Context, key string, size int64, opts backend.PutOptions) error {
	if err := CheckKey(ctx, "put", key); err != nil {
		return err
	}
	if size < 0 {
		return Fail("put", key, backend.Invalid, fmt.Errorf("size %d", size))
	}
	for name, value := range map[string]string{
		"content type":        opts.ContentType,
		"cache control":       opts.CacheControl,
		"content disposition": opts.ContentDisposition,
		"storage class":       opts.StorageClass,
		"ACL":                 opts.ACL,
	} {
		if !headerSafe(value) {
			return Fail("put", key, backend.Invalid, fmt.Errorf("%s %q is not printable ASCII", name, value))
		}
	}
	for name, value := range opts.Metadata {
		if !metadataName(name) {
			return Fail("put", key, backend.Invalid, fmt.Errorf("metadata key %q", name))
		}
		if !headerSafe(value) {
			return Fail("put", key, backend.Invalid, fmt.Errorf("metadata %s: value %q is not printable ASCII", name, value))
		}
	}
	return nil
}

// headerSafe reports whether s survives a trip through an HTTP header: printable
// ASCII, and no blank at either end, because those are cut off on the way.
func headerSafe(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return strings.TrimSpace(s) == s
}

func metadataName(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return s != ""
}

// FitRange returns how many bytes a Get of n bytes from off wants of an object of
// size bytes, or class Invalid. The answer may be more than the object has: the
// reader then delivers what is there and fails.
func FitRange(key string, off, n, size int64) (int64, error) {
	if off < 0 || off > size || off == size && off > 0 {
		return 0, Fail("get", key, backend.Invalid, fmt.Errorf("range from %d of an object of %d bytes", off, size))
	}
	if n < 0 {
		return size - off, nil
	}
	return n, nil
}
