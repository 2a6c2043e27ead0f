package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	short, err := run(ctx)
	stop()
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(2)
	case short:
		os.Exit(1)
	}
}

// run measures and prints. It reports whether a target was missed.
func run(ctx context.Context) (short bool, err error) {
	binary := flag.String("contentfs", "", "the `program` to measure")
	endpoint := flag.String("endpoint", "", "`URL` of the S3 server")
	dir := flag.String("dir", "", "empty `folder` on the disk to measure on")
	s3 := flag.String("s3", "", "`folder` where the S3 server keeps its objects")
	rounds := flag.Int("rounds", 7, "`number` of rounds of each measure, at least 5")
	passthrough := flag.Bool("passthrough", true, "let the kernel read and write local files by itself")
	flag.Parse()
	if *binary == "" || *endpoint == "" || *dir == "" || *s3 == "" {
		return false, fmt.Errorf("-contentfs, -endpoint, -dir and -s3 are needed; scripts/bench gives them")
	}
	if *rounds < 5 {
		return false, fmt.Errorf("a median of %d rounds says nothing", *rounds)
	}
	chosen, err := choose(flag.Args())
	if err != nil {
		return false, err
	}
	g, err := openGate(*endpoint)
	if err != nil {
		return false, err
	}
	defer g.close()
	b := &bench{ctx: ctx, dir: *dir, s3: *s3, gate: g, rounds: *rounds, volumes: volumes{
		binary: *binary, endpoint: g.endpoint(), dir: *dir, passthrough: *passthrough,
	}}
	if err := b.enoughSpace(); err != nil {
		return false, err
	}
	var results []result
	for _, m := range chosen {
		fmt.Fprintf(os.Stderr, "%s: %s\n", m.name, m.what)
		r, err := m.run(b, m)
		if err != nil {
			return false, fmt.Errorf("%s: %w", m.name, err)
		}
		results = append(results, r)
	}
	printTable(os.Stdout, results, *rounds, *passthrough)
	return slices.ContainsFunc(results, func(r result) bool { return r.verdict() == fellShort }), nil
}

// choose returns the measures that are asked for, by their own names or by that of
// their family. Those of content are the usual ones.
func choose(asked []string) ([]measure, error) {
	if len(asked) == 0 {
		asked = []string{contents}
	}
	known := []string{contents, names}
	var chosen []measure
	for _, m := range measures() {
		known = append(known, m.name)
		if slices.Contains(asked, m.name) || slices.Contains(asked, m.family) {
			chosen = append(chosen, m)
		}
	}
	for _, name := range asked {
		if !slices.Contains(known, name) {
			return nil, fmt.Errorf("there is no measure %q; there are %s", name, strings.Join(known, ", "))
		}
	}
	return chosen, nil
}
