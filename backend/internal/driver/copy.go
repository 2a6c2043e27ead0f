package driver

import (
	"context"
	"errors"
	"fmt"

	"contentfs/backend"
)

// CheckCopy refuses what no driver could copy.
func CheckCopy(ctx context.Context, src backend.Source, key string, opts backend.PutOptions) error {
	if err := CheckKey(ctx, "copy", src.Key); err != nil {
		return err
	}
	return Reword("copy", CheckPut(ctx, key, src.Size, opts))
}

// CheckSource compares an object with what the caller of a Copy says it is.
func CheckSource(key string, src backend.Source, obj backend.Object) error {
	switch {
	case src.ETag != "" && obj.ETag != src.ETag:
		return Fail("copy", key, backend.Corrupt, fmt.Errorf("source %q has ETag %s, want %s", src.Key, obj.ETag, src.ETag))
	case obj.Size != src.Size:
		return Fail("copy", key, backend.Corrupt, fmt.Errorf("source %q has %d bytes, want %d", src.Key, obj.Size, src.Size))
	}
	return nil
}

// Reword names the operation that err, which may be nil, is an error of: that of
// which the failed one was a step.
func Reword(op string, err error) error {
	var e *backend.Error
	if errors.As(err, &e) {
		e.Op = op
	}
	return err
}
