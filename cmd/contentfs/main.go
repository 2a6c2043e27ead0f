package main

import (
	"context"
	"os"
	"runtime"
)

// minProcs is the least number of goroutines that may run at the same time. A
// mount's goroutines wait for the disk and the kernel inside of system calls;
// with one processor each, Go's scheduler would notice that only after a while
// and let the others wait (measured: eight writers got up to eight times as far
// on a busy machine with two cores).
const minProcs = 8

func main() {
	if runtime.GOMAXPROCS(0) < minProcs {
		runtime.GOMAXPROCS(minProcs)
	}
	os.Exit(newProgram().run(context.Background(), os.Args))
}
