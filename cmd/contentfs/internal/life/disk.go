package life

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Disk is an ext4 file system in memory behind a loop device: it can lose its
// power.
type Disk struct {
	Path string // where it is mounted

	t       testing.TB
	device  string
	mounted bool
}

const (
	// shutdown is FS_IOC_SHUTDOWN, noLogFlush its argument: the file system stops
	// as it is, and what its journal holds in memory is lost.
	shutdown   = 0x8004587d
	noLogFlush = 2
)

// NewDisk makes and mounts a disk of size bytes. It needs root. The disk goes
// with the test, after everything that was prepared later.
func NewDisk(t testing.TB, size int64) *Disk {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("loop devices need root")
	}
	image, err := os.CreateTemp("/dev/shm", "contentfs-disk-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Remove(image.Name()) })
	defer image.Close()
	if err := image.Truncate(size); err != nil {
		t.Fatal(err)
	}
	d := &Disk{t: t, Path: filepath.Join(t.TempDir(), "disk")}
	if err := os.Mkdir(d.Path, 0o700); err != nil {
		t.Fatal(err)
	}
	d.command("mkfs.ext4", "-q", "-E", "lazy_itable_init=0,lazy_journal_init=0", image.Name())
	d.device = d.command("losetup", "-f", "--show", image.Name())
	t.Cleanup(d.remove)
	d.mount()
	return d
}

func (d *Disk) command(name string, args ...string) string {
	d.t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		d.t.Fatalf("%s: %v: %s", name, err, out)
	}
	return strings.TrimSpace(string(out))
}

func (d *Disk) mount() {
	d.t.Helper()
	if err := unix.Mount(d.device, d.Path, "ext4", 0, ""); err != nil {
		d.t.Fatalf("mount %s: %v", d.device, err)
	}
	d.mounted = true
}

// Cut stops the disk: nothing that is not on it at this moment will be.
func (d *Disk) Cut() error {
	f, err := os.Open(d.Path)
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.IoctlSetPointerInt(int(f.Fd()), shutdown, noLogFlush)
}

// Restore gives the disk its power back. Nobody uses it any more. A copy of its mount in
// another mount namespace, such as a container that starts at this moment makes, keeps
// the kernel from letting go of what has no power: that is waited for.
func (d *Disk) Restore() {
	d.t.Helper()
	limit := time.Now().Add(Limit)
	for pause := time.Millisecond; ; pause = min(2*pause, 100*time.Millisecond) {
		if err := d.unmount(); err != nil {
			d.t.Fatalf("unmount %s: %v", d.Path, err)
		}
		d.mount()
		err := d.powered()
		if err == nil {
			return
		}
		if time.Now().After(limit) {
			d.t.Fatalf("%s has no power after %v: %v", d.Path, Limit, err)
		}
		<-time.After(pause)
	}
}

// powered reports why nothing can be written.
func (d *Disk) powered() error {
	fd, err := unix.Open(d.Path, unix.O_TMPFILE|unix.O_WRONLY|unix.O_CLOEXEC, 0o600) // leaves no name
	if err != nil {
		return err
	}
	return unix.Close(fd)
}

// unmount waits for the kernel to let go of what a killed process had open.
func (d *Disk) unmount() error {
	limit := time.Now().Add(Limit)
	for pause := time.Millisecond; ; pause = min(2*pause, 100*time.Millisecond) {
		err := unix.Unmount(d.Path, unix.UMOUNT_NOFOLLOW)
		if err == nil {
			d.mounted = false
			return nil
		}
		if !errors.Is(err, unix.EBUSY) || time.Now().After(limit) {
			return err
		}
		<-time.After(pause)
	}
}

func (d *Disk) remove() {
	if d.mounted {
		if err := d.unmount(); err != nil {
			d.t.Errorf("unmount %s: %v", d.Path, err)
			return
		}
	}
	if out, err := exec.Command("losetup", "-d", d.device).CombinedOutput(); err != nil {
		d.t.Errorf("losetup -d %s: %v: %s", d.device, err, out)
	}
}
