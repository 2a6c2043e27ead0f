package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"golang.org/x/sys/unix"
)

// release takes a mount of ours out of the tree at once. Whatever else is mounted
// on point stays: once our mount is gone, the next one below comes to light.
func (p *program) release(point string) error {
	list, err := p.mounts()
	if err != nil {
		return err
	}
	if m, ok := mountAt(list, point); !ok || m.point != point {
		return nil
	}
	return detach(point)
}

// detach takes a mount out of the tree at once. Files that are open on it stay
// open until they are closed. It asks the kernel as root, and fusermount else.
func detach(point string) error {
	err := unix.Unmount(point, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
	if err == nil {
		return nil
	}
	if !errors.Is(err, unix.EPERM) || os.Geteuid() == 0 {
		return fmt.Errorf("unmount %s: %w", point, err)
	}
	for _, tool := range []string{"fusermount3", "fusermount"} {
		path, lookErr := exec.LookPath(tool)
		if lookErr != nil {
			continue
		}
		out, runErr := exec.Command(path, "-u", "-z", "--", point).CombinedOutput()
		if runErr != nil {
			return fmt.Errorf("unmount %s: %s: %w", point, strings.TrimSpace(string(out)), runErr)
		}
		return nil
	}
	return fmt.Errorf("unmount %s: %w", point, err)
}
