package local

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// stuff writes to a file until nothing fits any more, and returns how much did.
func stuff(t *testing.T, path string) int64 {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var n int64
	for block := make([]byte, 64<<10); ; {
		k, err := f.Write(block)
		n += int64(k)
		if errors.Is(err, unix.ENOSPC) {
			if block = block[:len(block)/2]; len(block) < 4096 {
				return n
			}
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

func free(t *testing.T, dir string) int64 {
	t.Helper()
	s, err := SpaceAt(dir)
	if err != nil {
		t.Fatal(err)
	}
	return s.Free
}

func TestReserve(t *testing.T) {
	const size = 64 << 20
	dir := tmpfs(t, "size=64m")
	r, err := OpenReserve(dir, "reserve", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if r.Held() != 0 || r.Missing() != size/20 || r.Release(false) {
		t.Fatalf("a reserve that was never filled holds %d, misses %d", r.Held(), r.Missing())
	}
	if err := r.Fill(0); err != nil || r.Held() != size/20 || r.Missing() != 0 {
		t.Fatalf("filled: %v, %d held, %d missing", err, r.Held(), r.Missing())
	}
	if got := size - free(t, dir); got < size/20 {
		t.Errorf("the reserve takes %d bytes of the disk, not %d", got, size/20)
	}
	ballast := filepath.Join(dir, "ballast")
	stuff(t, ballast)
	if !r.Release(false) {
		t.Fatal("nothing was released")
	}
	held := r.Held()
	if n := stuff(t, ballast); n == 0 || held >= size/20 || held < size/40 {
		t.Errorf("after one piece %d bytes fit, and %d are held", n, held)
	}
	r.gave = time.Now().Add(time.Minute)
	if !r.Release(false) || r.Held() != held {
		t.Error("who comes a moment later takes another piece")
	}
	if !r.Release(true) || r.Held() >= held {
		t.Error("who needs more than a piece gets no other")
	}
	held = r.Held()
	stuff(t, ballast)
	if err := r.Fill(0); err != nil || r.Held() != held {
		t.Errorf("filled on a full disk: %v, %d held", err, r.Held())
	}
	again, err := OpenReserve(dir, "reserve", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if again.Held() != held {
		t.Errorf("opened again it holds %d, not %d", again.Held(), held)
	}
	if again.ReleaseUpTo(1 << 20); again.Held() != held-1<<20 {
		t.Errorf("%d held after 1 MiB of %d", again.Held(), held)
	}
	again.ReleaseUpTo(size)
	if again.Held() != 0 || again.Release(false) {
		t.Errorf("%d held after all was released", again.Held())
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if err := again.Fill(size); err != nil || again.Held() != 0 {
		t.Errorf("filled although it would leave too little: %v, %d held", err, again.Held())
	}
	if err := again.Fill(size / 40); err != nil || again.Held() != size/20 {
		t.Errorf("filled again: %v, %d held", err, again.Held())
	}
}

// TestReserveWithoutInodes: where its file cannot be made there is no reserve, and
// that is no error.
func TestReserveWithoutInodes(t *testing.T) {
	dir := tmpfs(t, "size=64m,nr_inodes=1")
	r, err := OpenReserve(dir, "reserve", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := r.Fill(0); err != nil || r.Held() != 0 {
		t.Errorf("%v, %d held", err, r.Held())
	}
}

func TestCrowded(t *testing.T) {
	s := newStore(t)
	s.room.limit = 3
	var files []*File
	for range 3 {
		if err := s.Crowded(); err != nil {
			t.Fatalf("with %d files: %v", len(files), err)
		}
		f, err := s.Create(Identity{Kind: Draft})
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	if err := s.Crowded(); !errors.Is(err, ErrCrowded) {
		t.Fatalf("with 3 files of 3: %v", err)
	}
	r, err := s.Reopen(files[0])
	if err != nil {
		t.Fatalf("who is not asked is refused: %v", err)
	}
	for _, f := range append(files, r) {
		f.Close()
		f.Close() // counts once
	}
	if n := s.room.open.Load(); n != 0 {
		t.Errorf("%d files are open after all were closed", n)
	}
}

func TestVolatile(t *testing.T) {
	f, err := Volatile()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte("content")); err != nil {
		t.Fatal(err)
	}
	if err := f.SetTimes(5e9, 7e9); err != nil {
		t.Fatal(err)
	}
	r, err := f.Sealed()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b := make([]byte, 7)
	if _, err := r.ReadAt(b, 0); err != nil || string(b) != "content" {
		t.Errorf("read %q, %v", b, err)
	}
	st, err := r.Stamp()
	if err != nil || st.Size != 7 || st.Mtime != 7e9 {
		t.Errorf("%+v, %v", st, err)
	}
	wantUnwritten(t, r, "after its writer closed it", true)
	if _, err := r.Write([]byte("x")); err == nil {
		t.Error("it can be written to")
	}
}
