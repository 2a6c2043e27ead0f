package fs

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"

	"contentfs/fs/content"
	"contentfs/meta"
)

// Options says how a volume is mounted.
type Options struct {
	Engine      *content.Engine
	Name        string // the source that mount(8) and df(1) show
	Mountpoint  string
	AllowOther  bool
	ReadOnly    bool
	Passthrough bool // use it where the kernel can
	Log         *slog.Logger
}

// Errors of Mount that an administrator can mend.
var (
	// ErrMountpoint: the mount point cannot be used as it is.
	ErrMountpoint = errors.New("cannot mount there")
	// ErrNoFuse: the kernel's FUSE device is not there or not ours to use.
	ErrNoFuse = errors.New("FUSE is not available")
	// ErrNoFusermount: who is not root needs fusermount3 for mounting.
	ErrNoFusermount = errors.New("fusermount3 is not installed")
)

const (
	// cacheTime is how long the kernel keeps entries and attributes. All changes
	// come through it or are told to it.
	cacheTime = time.Hour
	// requestSize is the largest read or write request: the kernel's own limit
	// with its default of 256 pages.
	requestSize = 1 << 20
	// inflightBytes bounds what requests under way may hold in memory.
	inflightBytes = 64 << 20
	// stackDepth allows the state directory to lie on a file system that is itself
	// stacked once. The kernel's limit is 2.
	stackDepth = 1
)

// Server is a mounted volume.
type Server struct {
	fs    *filesystem
	fuse  *fuse.Server
	point string
	ended atomic.Bool
}

// Mount mounts the volume. Requests are answered once Serve runs.
func Mount(o Options) (*Server, error) {
	point, err := checkMountpoint(o.Mountpoint)
	if err != nil {
		return nil, err
	}
	if err := checkFuse(); err != nil {
		return nil, err
	}
	f := newFilesystem(o)
	flags := uintptr(unix.MS_NOSUID | unix.MS_NODEV)
	opts := []string{"default_permissions"}
	if o.ReadOnly {
		flags |= unix.MS_RDONLY
		opts = append(opts, "ro")
	}
	srv, err := fuse.NewServer(f, point, &fuse.MountOptions{
		FsName:     o.Name,
		Name:       "contentfs",
		AllowOther: o.AllowOther,
		Options:    opts,

		DirectMount:      os.Geteuid() == 0,
		DirectMountFlags: flags,

		MaxWrite:                requestSize,
		MaxReadAhead:            requestSize,
		MaxBackground:           64,
		MaxInflightRequestBytes: inflightBytes,
		MaxStackDepth:           stackDepth,
		// An open that truncates must not publish the empty file in between. That
		// privileges go with a write is our work (content.DropPrivileges): else the
		// kernel asks for attributes before every single write.
		// With access lists, the maker's mask counts only where a directory has no
		// default list, so that it is applied with the list, in the metadata.
		ExtraCapabilities: fuse.CAP_ATOMIC_O_TRUNC | fuse.CAP_HANDLE_KILLPRIV_V2 | fuse.CAP_DONT_MASK | fuse.CAP_SETXATTR_EXT,
		EnableAcl:         true,
		// The engine says when data changed; the kernel must not guess from times.
		ExplicitDataCacheControl: true,
		PanicHandler:             f.panicked,
		Logger:                   slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug),
	})
	if err != nil {
		return nil, fmt.Errorf("mount %s: %w", point, err)
	}
	return &Server{fs: f, fuse: srv, point: point}, nil
}

// Serve answers requests until the volume is unmounted.
func (s *Server) Serve() {
	s.fuse.Serve()
	s.ended.Store(true)
}

// WaitReady returns when the mount answers. Serve must be running.
func (s *Server) WaitReady() error {
	if err := s.fuse.WaitMount(); err != nil {
		return fmt.Errorf("mount %s: %w", s.point, err)
	}
	return nil
}

// Passthrough reports whether the kernel reads and writes local files by itself.
func (s *Server) Passthrough() bool { return s.fs.modes.usable() }

// busyFor is for how long a mount that is in use is tried again: who looks at it for a
// moment only (df, lsof, a process that is ending) is nobody to tell of. The waits double, and are half a second in all.
const busyFor = 512 * time.Millisecond

// ErrInUse: somebody has a file of the volume open or a working directory in it.
var ErrInUse = errors.New("the mount is in use")

// Unmount takes the volume out of the tree. A lazy unmount succeeds while files
// are open; their users can go on until the process ends.
func (s *Server) Unmount(lazy bool) error {
	if s.ended.Load() {
		return nil
	}
	if os.Geteuid() == 0 {
		flags := unix.UMOUNT_NOFOLLOW
		if lazy {
			flags |= unix.MNT_DETACH
		}
		err := unix.Unmount(s.point, flags)
		for wait := time.Millisecond; errors.Is(err, unix.EBUSY) && wait < busyFor; wait *= 2 {
			<-time.After(wait)
			err = unix.Unmount(s.point, flags)
		}
		switch {
		case err == nil || errors.Is(err, unix.EINVAL): // EINVAL: not mounted any more
			return nil
		case errors.Is(err, unix.EBUSY):
			return fmt.Errorf("unmount %s: %w", s.point, ErrInUse)
		}
		return fmt.Errorf("unmount %s: %w", s.point, err)
	}
	args := []string{"-u", s.point}
	if lazy {
		args = append([]string{"-z"}, args...)
	}
	out, err := exec.Command("fusermount3", args...).CombinedOutput()
	if err != nil && !s.ended.Load() {
		return fmt.Errorf("unmount %s: %w: %s", s.point, ErrInUse, out)
	}
	return nil
}

// Changed tells the kernel that a node's attributes changed without its doing.
func (s *Server) Changed(ino meta.Ino) {
	// ENOENT: the kernel does not know the node; so much the better.
	_ = s.fuse.InodeNotify(uint64(ino), -1, 0)
}

// NameChanged tells the kernel that a name in a directory, and with it the
// directory's listing, changed without its doing.
func (s *Server) NameChanged(dir meta.Ino, name []byte) {
	_ = s.fuse.EntryNotify(uint64(dir), string(name)) // ENOENT, as above
	_ = s.fuse.InodeNotify(uint64(dir), 0, 0)
}

// Invalidate makes the kernel drop what it keeps of a node's content.
func (s *Server) Invalidate(ino meta.Ino) {
	_ = s.fuse.InodeNotify(uint64(ino), 0, 0) // ENOENT, as above
}

// checkMountpoint returns the absolute path of an empty directory that nothing is
// mounted on.
func checkMountpoint(point string) (string, error) {
	abs, err := filepath.Abs(point)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrMountpoint, err)
	}
	st, err := os.Stat(abs)
	switch {
	case errors.Is(err, unix.ENOTCONN):
		return "", fmt.Errorf("%w: %s is left over from a mount whose process is gone; unmount it first", ErrMountpoint, abs)
	case errors.Is(err, os.ErrNotExist):
		return "", fmt.Errorf("%w: %s does not exist; make the directory first", ErrMountpoint, abs)
	case err != nil:
		return "", fmt.Errorf("%w: %w", ErrMountpoint, err)
	case !st.IsDir():
		return "", fmt.Errorf("%w: %s is not a directory", ErrMountpoint, abs)
	}
	mounted, err := isMountpoint(abs)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrMountpoint, err)
	}
	if mounted {
		return "", fmt.Errorf("%w: something is mounted on %s already", ErrMountpoint, abs)
	}
	d, err := os.Open(abs)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrMountpoint, err)
	}
	defer d.Close()
	if names, _ := d.Readdirnames(1); len(names) > 0 {
		return "", fmt.Errorf("%w: %s is not empty (%q lies there); its content would be hidden", ErrMountpoint, abs, names[0])
	}
	return abs, nil
}

func isMountpoint(path string) (bool, error) {
	var here, above unix.Stat_t
	if err := unix.Stat(path, &here); err != nil {
		return false, err
	}
	if err := unix.Stat(filepath.Join(path, ".."), &above); err != nil {
		return false, err
	}
	return here.Dev != above.Dev || here.Ino == above.Ino, nil
}

// checkFuse finds out before the mount what would make it fail with less clear
// words.
func checkFuse() error {
	const device = "/dev/fuse"
	fd, err := unix.Open(device, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNoFuse, &os.PathError{Op: "open", Path: device, Err: err})
	}
	unix.Close(fd)
	if os.Geteuid() == 0 {
		return nil
	}
	if _, err := exec.LookPath("fusermount3"); err != nil {
		return fmt.Errorf("%w: %w", ErrNoFusermount, err)
	}
	return nil
}
