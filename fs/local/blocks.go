package local

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// Of linux/fiemap.h.
const (
	iocFiemap    = 0xC020660B // FS_IOC_FIEMAP
	fiemapXattr  = 0x2        // FIEMAP_FLAG_XATTR
	fiemapInline = 0x200      // FIEMAP_EXTENT_DATA_INLINE: no block of its own
)

// attrExtent asks where a file's attributes lie. It is a struct fiemap with room
// for one struct fiemap_extent.
type attrExtent struct {
	start, length           uint64
	flags, mapped, count, _ uint32

	_, _, size uint64
	_          [2]uint64
	kind       uint32
	_          [3]uint32
}

// attrBlocks returns how many blocks of 512 bytes the file's attributes take. Where
// they do not fit beside the inode, ext4 gives them a block of their own and stat
// counts it as the file's; whoever compares with what was written would find too
// many. A disk that cannot tell has none.
func attrBlocks(fd int) int64 {
	e := attrExtent{length: ^uint64(0), flags: fiemapXattr, count: 1}
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), iocFiemap, uintptr(unsafe.Pointer(&e)))
	if errno != 0 || e.mapped != 1 || e.kind&fiemapInline != 0 {
		return 0
	}
	return int64(e.size / 512)
}

// contentBlocks takes the attributes' blocks from all that the file has. It asks
// for them once: the kernel answers when nobody is in the middle of a write.
func (f *File) contentBlocks(fd int, all int64) int64 {
	if all == 0 {
		return 0
	}
	known := f.attrs.Load()
	if known == nil {
		n := attrBlocks(fd)
		known = &n
		f.attrs.Store(known)
	}
	return max(0, all-*known)
}
