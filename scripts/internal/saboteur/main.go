package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "saboteurs:", err)
		os.Exit(1)
	}
}

// run strikes with the saboteurs whose names match the pattern, all without one.
func run(ctx context.Context, args []string) error {
	var chosen []saboteur
	pattern, err := regexp.Compile(strings.Join(args, "|"))
	if err != nil {
		return err
	}
	for _, s := range all() {
		if pattern.MatchString(s.name) {
			chosen = append(chosen, s)
		}
	}
	if len(chosen) == 0 {
		return fmt.Errorf("no saboteur is called %q", pattern)
	}
	dir, err := os.MkdirTemp("", "sab")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := copySources(ctx, "../../..", dir); err != nil {
		return err
	}
	began := time.Now()
	if err := healthy(ctx, dir, chosen); err != nil {
		return err
	}
	var free []string
	for i := range chosen {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		s := &chosen[i]
		start := time.Now()
		caught, by, err := strike(ctx, dir, s)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		word := "caught"
		switch {
		case err != nil:
			word, by = "BROKEN", err.Error() // and so nothing is shown
			free = append(free, s.name)
		case !caught:
			word = "NOT CAUGHT"
			free = append(free, s.name)
		}
		fmt.Printf("%-11s %-52s %4.0f s  %s\n", word, s.name, time.Since(start).Seconds(), by)
	}
	fmt.Printf("%d saboteurs, %d caught, in %v\n", len(chosen), len(chosen)-len(free), time.Since(began).Round(time.Second))
	if len(free) > 0 {
		return fmt.Errorf("not caught: %s", strings.Join(free, "; "))
	}
	return nil
}
