package life

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// FileSystem is what a Disk is formatted with.
type FileSystem string

// The file systems that servers have.
const (
	Ext4  FileSystem = "ext4"
	XFS   FileSystem = "xfs"
	Btrfs FileSystem = "btrfs"
)

// format makes each of them. A disk that was cut comes back with what it had, so
// that nothing may be left for later.
var format = map[FileSystem][]string{
	Ext4:  {"mkfs.ext4", "-q", "-E", "lazy_itable_init=0,lazy_journal_init=0"},
	XFS:   {"mkfs.xfs", "-q", "-f"},
	Btrfs: {"mkfs.btrfs", "-q", "-f"},
}

// DiskSize is room enough for a loop of faults, and for each file system.
const DiskSize = 512 << 20

// Disk is a file system in memory behind a loop device: it can lose its power.
type Disk struct {
	Path string // where it is mounted
	FS   FileSystem

	t       testing.TB
	image   *image  // nil where there is a server
	server  *server // of a disk that can fail
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
func NewDisk(t testing.TB, fs FileSystem, size int64) *Disk {
	t.Helper()
	image, err := newImage(size)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { image.close() })
	d := newDisk(t, fs)
	d.image = image
	d.prepare()
	return d
}

// NewFailingDisk is NewDisk for a disk that can also fail: rate says which share of
// its writes then do.
func NewFailingDisk(t testing.TB, fs FileSystem, size int64, rate string) *Disk {
	t.Helper()
	s := newServer(t, size, rate)
	d := newDisk(t, fs)
	d.server = s
	d.prepare()
	return d
}

func newDisk(t testing.TB, fs FileSystem) *Disk {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("loop devices need root")
	}
	d := &Disk{t: t, FS: fs, Path: filepath.Join(t.TempDir(), "disk")}
	if err := os.Mkdir(d.Path, 0o700); err != nil {
		t.Fatal(err)
	}
	return d
}

// prepare formats and mounts it.
func (d *Disk) prepare() {
	d.t.Helper()
	d.t.Cleanup(d.remove)
	d.attach()
	line := append(append([]string{}, format[d.FS]...), d.device)
	d.command(line[0], line[1:]...)
	d.mount()
}

// Fail lets writes to the device fail until Heal.
func (d *Disk) Fail() error { return d.server.fail() }

// Heal ends that.
func (d *Disk) Heal() error { return d.server.heal() }

func (d *Disk) command(name string, args ...string) string {
	d.t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		d.t.Fatalf("%s: %v: %s", name, err, out)
	}
	return strings.TrimSpace(string(out))
}

func (d *Disk) attach() {
	d.t.Helper()
	path := ""
	if d.image != nil {
		path = d.image.path()
	} else {
		path = d.server.path
	}
	d.device = d.command("losetup", "-f", "--show", path)
}

func (d *Disk) mount() {
	d.t.Helper()
	if err := unix.Mount(d.device, d.Path, string(d.FS), 0, ""); err != nil {
		d.t.Fatalf("mount %s: %v", d.device, err)
	}
	d.mounted = true
}

// Cut stops the disk: nothing that is not on it at this moment will be.
func (d *Disk) Cut() error {
	if d.FS == Btrfs {
		// It cannot be told to stop: the device takes nothing any more.
		return d.image.freeze()
	}
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
		if err := d.TryRestore(); err != nil {
			d.t.Fatal(err)
		}
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

// TryRestore is Restore for a file system that the disk's errors may have damaged:
// the error is that it cannot be mounted.
func (d *Disk) TryRestore() error {
	d.t.Helper()
	if err := d.unmount(); err != nil {
		d.t.Fatalf("unmount %s: %v", d.Path, err)
	}
	if d.image != nil && d.image.frozen {
		d.thaw()
	}
	if err := unix.Mount(d.device, d.Path, string(d.FS), 0, ""); err != nil {
		return fmt.Errorf("mount %s: %w", d.device, err)
	}
	d.mounted = true
	return nil
}

// Sound reports whether an xfs file system, which nobody uses, is in order by its own
// judgement, and what its checker said. Errors of a disk may damage it.
func (d *Disk) Sound() (bool, string) {
	d.t.Helper()
	if err := d.unmount(); err != nil {
		d.t.Fatalf("unmount %s: %v", d.Path, err)
	}
	out, err := exec.Command("xfs_repair", "-n", d.device).CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		d.t.Fatalf("xfs_repair: %v", err)
	}
	if err == nil {
		d.mount()
	}
	return err == nil, string(out)
}

// thaw puts the disk on an image that can be written to.
func (d *Disk) thaw() {
	d.t.Helper()
	next, err := d.image.copied()
	if err != nil {
		d.t.Fatal(err)
	}
	d.command("losetup", "-d", d.device)
	d.device = ""
	d.image.close()
	*d.image = *next
	d.attach()
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
	if d.device == "" {
		return
	}
	if out, err := exec.Command("losetup", "-d", d.device).CombinedOutput(); err != nil {
		d.t.Errorf("losetup -d %s: %v: %s", d.device, err, out)
	}
}
