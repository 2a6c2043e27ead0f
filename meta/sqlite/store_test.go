package sqlite

import (
	"path/filepath"
	"testing"

	"contentfs/meta"
	"contentfs/meta/metatest"
)

func TestStore(t *testing.T) {
	metatest.Run(t, func(t *testing.T) *meta.Store {
		s, err := Open(filepath.Join(t.TempDir(), "meta.db"), Options{})
		if err != nil {
			t.Fatal(err)
		}
		return s
	})
}
