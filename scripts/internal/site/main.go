package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// options are what the command line says.
type options struct {
	binary, endpoint, dir, s3 string
	files, longest            int
	outage                    time.Duration
	seed                      uint64
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	differ, err := run(ctx)
	stop()
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, "site:", err)
		os.Exit(2)
	case differ:
		os.Exit(1)
	}
}

// run plays. It reports whether something differed.
func run(ctx context.Context) (differ bool, err error) {
	var o options
	flag.StringVar(&o.binary, "contentfs", "", "the `program`")
	flag.StringVar(&o.endpoint, "endpoint", "", "`URL` of the S3 server")
	flag.StringVar(&o.dir, "dir", "", "empty `folder` to work in")
	flag.StringVar(&o.s3, "s3", "", "`folder` where the S3 server keeps its objects")
	flag.IntVar(&o.files, "files", 20000, "`number` of files that the site begins with")
	flag.IntVar(&o.longest, "longest", 255, "`bytes` of the longest names, up to 255")
	flag.DurationVar(&o.outage, "outage", 10*time.Second, "`time` that S3 is away")
	flag.Uint64Var(&o.seed, "seed", 1, "`number` that the load follows from")
	flag.Parse()
	if o.binary == "" || o.endpoint == "" || o.dir == "" || o.s3 == "" {
		return false, fmt.Errorf("-contentfs, -endpoint, -dir and -s3 are needed; scripts/site gives them")
	}
	if o.longest < 1 || o.longest > 255 {
		return false, fmt.Errorf("-longest %d: a name has 1 to 255 bytes", o.longest)
	}
	if o.files < 200 {
		return false, fmt.Errorf("a site of %d files is over before it can be interrupted", o.files)
	}
	p, err := newPlay(ctx, &o)
	if err != nil {
		return false, err
	}
	defer p.end()
	err = p.perform()
	p.printTable(os.Stdout)
	return p.findings.print(os.Stdout), err
}
