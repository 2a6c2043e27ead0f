package volume_test

import (
	"os"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"contentfs/fs/volume/volumetest"
)

// TestSignalDuringOpen: a program that gets a signal while it opens content that has to
// be fetched does not notice, as on a disk.
func TestSignalDuringOpen(t *testing.T) {
	volumetest.Each(t, nil, func(v *volumetest.Volume) {
		t := v.T
		evicted(v, map[string][]byte{"f": []byte("content")})
		v.Gateway.Pause(t)
		type opened struct {
			fd, tid int
			err     error
		}
		begun, ended := make(chan int), make(chan opened)
		go func() {
			runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
			begun <- unix.Gettid()
			fd, err := unix.Open(v.Join("f"), unix.O_RDONLY, 0)
			ended <- opened{fd: fd, err: err}
		}()
		tid := <-begun
		for range 20 {
			must(t, unix.Tgkill(os.Getpid(), tid, unix.SIGURG))
			<-time.After(5 * time.Millisecond)
		}
		v.Gateway.Resume(t)
		o := <-ended
		if o.err != nil {
			t.Fatalf("open: %v", o.err)
		}
		must(t, unix.Close(o.fd))
		expect(v, "f", []byte("content"))
	})
}
