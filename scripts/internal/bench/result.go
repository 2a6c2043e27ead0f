package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"text/tabwriter"
)

// result is what a measure found, by round.
type result struct {
	measure
	plain, mount, ratio []float64
	note                string
}

func (r *result) add(plain, mount float64) {
	r.plain = append(r.plain, plain)
	r.mount = append(r.mount, mount)
	r.ratio = append(r.ratio, mount/plain)
}

const (
	passed    = "pass"
	fellShort = "FELL SHORT"
)

// verdict compares the result with its target; "" where there is none.
func (r *result) verdict() string {
	switch {
	case r.least == 0 && r.most == 0:
		return ""
	case r.least > 0 && median(r.ratio) < r.least, r.most > 0 && median(r.mount) > r.most:
		return fellShort
	}
	return passed
}

// target tells what must be reached.
func (r *result) target() string {
	switch {
	case r.least > 0:
		return fmt.Sprintf("≥ %.2f", r.least)
	case r.most > 0:
		return fmt.Sprintf("< %.0f %s", r.most, r.unit)
	}
	return ""
}

// median returns the middle of values, of which there is at least one.
func median(values []float64) float64 {
	s := slices.Sorted(slices.Values(values))
	if n := len(s); n%2 == 0 {
		return (s[n/2-1] + s[n/2]) / 2
	}
	return s[len(s)/2]
}

func printTable(w io.Writer, results []result, rounds int, passthrough bool) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "\tplain\tmount\t\tratio\tspread\ttarget\t\t")
	for _, r := range results {
		plain, ratio, spread := "", "", ""
		if len(r.ratio) > 0 {
			plain = figure(median(r.plain))
			ratio = fmt.Sprintf("%.2f", median(r.ratio))
			spread = fmt.Sprintf("%.2f-%.2f", slices.Min(r.ratio), slices.Max(r.ratio))
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.name, plain, figure(median(r.mount)), r.unit,
			ratio, spread, r.target(), r.verdict(), r.note)
	}
	t.Flush()
	fmt.Fprintln(w)
	for _, r := range results {
		fmt.Fprintf(w, "%-16s %s\n", r.name, r.what)
	}
	fmt.Fprintf(w, "\nMedians of %d rounds, ratio = mount / plain in the same round, spread = least and\n", rounds)
	fmt.Fprintf(w, "greatest ratio. Same disk; what is read is cached, on both sides; passthrough %s.\n", map[bool]string{true: "on", false: "off"}[passthrough])
}

// figure writes f with three digits that count.
func figure(f float64) string {
	if f >= 100 {
		return strconv.FormatFloat(f, 'f', 0, 64)
	}
	return strconv.FormatFloat(f, 'g', 3, 64)
}
