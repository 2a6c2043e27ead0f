package main

import (
	"bufio"
	"bytes"
	"math"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// enoughDescriptors is how many descriptors a mount asks for: each file that is open
// in it takes up to two.
const enoughDescriptors = 1 << 17

// moreDescriptors raises the limit of open files. Go has raised it to what the process
// may have by itself; root may have more. What cannot be had is done without: opens
// that would be too many are refused.
func moreDescriptors() {
	var r unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &r); err != nil || r.Cur >= enoughDescriptors || r.Max < keepDescriptors {
		return
	}
	for _, n := range []uint64{enoughDescriptors, 1 << 16, r.Max} {
		if n > r.Cur && unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: n, Max: max(n, r.Max)}) == nil {
			return
		}
	}
}

// keepDescriptors is a limit below all that systems set by themselves: who gave less
// meant it.
const keepDescriptors = 1024

// memoryShare is what of a memory limit Go may fill, in percent: the rest is for what
// it does not count, the database's caches and files in memory above all.
const memoryShare = 60

// boundMemory has Go collect its garbage earlier where the process runs with a limit
// of memory, as in a container or a unit with MemoryMax, which else would end it.
func boundMemory() {
	if os.Getenv("GOMEMLIMIT") != "" {
		return // Go has read it
	}
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return
	}
	if limit := memoryLimit("/sys/fs/cgroup", own); limit < math.MaxInt64 {
		debug.SetMemoryLimit(limit / 100 * memoryShare)
	}
}

// memoryLimit gives the smallest memory limit of the process's group and those above
// it, math.MaxInt64 for none. own is what /proc/self/cgroup says.
func memoryLimit(root string, own []byte) int64 {
	least := int64(math.MaxInt64)
	for in := bufio.NewScanner(bytes.NewReader(own)); in.Scan(); {
		group, ok := strings.CutPrefix(in.Text(), "0::") // version 2
		if !ok {
			continue
		}
		for dir := filepath.Clean("/" + group); ; dir = filepath.Dir(dir) {
			for _, name := range []string{"memory.max", "memory.high"} {
				b, err := os.ReadFile(filepath.Join(root, dir, name))
				if err != nil {
					continue
				}
				// "max" is none.
				if n, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64); err == nil && n > 0 {
					least = min(least, n)
				}
			}
			if dir == "/" {
				break
			}
		}
	}
	return least
}
