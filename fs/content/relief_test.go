package content_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"contentfs/fs/content"
	"contentfs/fs/local"
	"contentfs/meta"
	"contentfs/meta/sqlite"
	"contentfs/meta/sqlite/sqlitetest"
)

// TestRelief: a change that finds the disk full gets a piece of the reserve and is made.
// When there is none left it is refused.
func TestRelief(t *testing.T) {
	dir := t.TempDir()
	const size = 1 << 20
	if err := os.WriteFile(filepath.Join(dir, "reserve"), make([]byte, size), 0o600); err != nil {
		t.Fatal(err)
	}
	var faults sqlitetest.Faults
	m, err := sqlite.Open(filepath.Join(dir, "meta.db"), sqlite.Options{Wrap: faults.Wrap})
	if err != nil {
		t.Fatal(err)
	}
	files, err := local.Open(filepath.Join(dir, "local"))
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(filepath.Join(dir, "reserve"))
	if err == nil {
		err = errors.Join(f.Sync(), f.Close()) // its blocks are counted once they are there
	}
	if err != nil {
		t.Fatal(err)
	}
	reserve, err := local.OpenReserve(dir, "reserve", nil)
	if err != nil {
		t.Fatal(err)
	}
	content.New(content.Config{Meta: m, Local: files, Reserve: reserve, Log: slog.New(slog.DiscardHandler)}).SetQueue(nobodyWaits{})
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- m.Run(ctx) }()
	change := func(value string) error {
		return m.Setxattr(meta.Root, []byte("user.x"), []byte(value), false, false, 1)
	}
	faults.FailFull("INTO xattr", 1)
	if err := change("1"); err != nil || faults.Found() != 1 || reserve.Held() >= size {
		t.Errorf("%v, the disk was full %d times, %d bytes are held", err, faults.Found(), reserve.Held())
	}
	faults.FailFull("INTO xattr", -1)
	if err := change("2"); !errors.Is(err, meta.ErrNoSpace) || reserve.Held() != 0 {
		t.Errorf("%v, %d bytes are held", err, reserve.Held())
	}
	stop()
	if err := errors.Join(<-done, m.Close(), files.Close(), reserve.Close()); err != nil {
		t.Error(err)
	}
}
