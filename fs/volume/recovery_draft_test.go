package volume_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"contentfs/fs/volume/volumetest"
	"contentfs/meta"
	"contentfs/meta/sqlite"
)

// TestDraftAfterPowerCut: a file that was open for writing when the power went, and
// whose size and time are still those of the version in S3, counts as that version
// only if its bytes do too. A disk may have lost or kept other things than those.
func TestDraftAfterPowerCut(t *testing.T) {
	v := volumetest.Start(t, nil)
	content := random(20_000)
	for _, name := range []string{"whole", "torn"} {
		v.Write(name, content)
		awaitS3(v, name)
	}
	whole, torn := v.Version("whole"), v.Version("torn")
	v.Unmount()
	tear(t, v.LocalFile(torn.File))
	leaveDrafts(v, whole, torn)

	v.Log.Expect("content that was never closed is kept in the quarantine")
	v.Log.Expect("recovered after a crash")
	v.Mount()
	expect(v, "whole", content)
	expect(v, "torn", content)
	v.Unmount()
	if got := v.Version("whole").File; got != whole.File {
		t.Errorf("the whole file %s was not taken back: %q", whole.File, got)
	}
	if got := v.Version("torn").File; got == torn.File {
		t.Error("the torn file was taken back")
	}
}

// tear changes a byte and leaves size and times.
func tear(t *testing.T, path string) {
	t.Helper()
	var st unix.Stat_t
	must(t, unix.Stat(path, &st))
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	must(t, err)
	var b [1]byte
	_, err = f.ReadAt(b[:], 10_000)
	must(t, err)
	b[0] ^= 1
	_, err = f.WriteAt(b[:], 10_000)
	must(t, err)
	must(t, f.Close())
	must(t, unix.UtimesNanoAt(unix.AT_FDCWD, path, []unix.Timespec{st.Atim, st.Mtim}, 0))
}

// leaveDrafts puts on record what a crash leaves of writers who had opened the
// versions' files to change them in place. The volume is not mounted.
func leaveDrafts(v *volumetest.Volume, versions ...meta.Version) {
	t := v.T
	t.Helper()
	m, err := sqlite.Open(filepath.Join(v.Options.State, "meta.db"), sqlite.Options{})
	must(t, err)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- m.Run(ctx) }()
	for _, ver := range versions {
		must(t, m.OpenDraft(meta.DraftRequest{Ino: ver.Ino, File: ver.File, Base: ver.ID, Detach: true, Now: time.Now().UnixNano()}))
	}
	stop()
	must(t, <-done)
	must(t, m.Close())
}
