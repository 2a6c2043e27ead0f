package model

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// OpsEnv is the environment variable with how many operations each random test
// makes, instead of what fits into a short run.
const OpsEnv = "CONTENTFS_MODEL_OPS"

// Budget returns what OpsEnv says, or the number given.
func Budget(short int) int {
	if n, err := strconv.Atoi(os.Getenv(OpsEnv)); err == nil {
		return n
	}
	return short
}

// DiskFalloc are the modes of fallocate that leave the length of what follows alone.
// A FUSE filesystem on ext4 takes them as ext4 does.
var DiskFalloc = []int{
	unix.FALLOC_FL_KEEP_SIZE,
	unix.FALLOC_FL_PUNCH_HOLE | unix.FALLOC_FL_KEEP_SIZE,
	unix.FALLOC_FL_ZERO_RANGE,
	unix.FALLOC_FL_ZERO_RANGE | unix.FALLOC_FL_KEEP_SIZE,
}

// OpenFresh makes an empty directory below dir, opens it, and returns its path too.
func OpenFresh(dir string) (d *Disk, path string, err error) {
	for i := 0; ; i++ {
		p := filepath.Join(dir, fmt.Sprintf("run%d", i))
		err := os.Mkdir(p, 0o755)
		if err == nil {
			d, err = OpenDisk(p)
			return d, p, err
		}
		if !errors.Is(err, os.ErrExist) {
			return nil, "", err
		}
	}
}
