package main

import (
	"strings"
	"testing"
	"time"
)

func TestParseSize(t *testing.T) {
	for s, want := range map[string]int64{
		"0": 0, "1": 1, "10GiB": 10 << 30, "10 GiB": 10 << 30, "10gib": 10 << 30, "10G": 10 << 30, "1.5T": 3 << 39, "500MB": 500e6,
		"1kb": 1000, "1KiB": 1024, "7B": 7, "0.1KiB": 102, "8191PiB": 8191 << 50, " 3 ": 3,
	} {
		if got, err := parseSize(s); err != nil || got != want {
			t.Errorf("%q: %d, %v, want %d", s, got, err, want)
		}
	}
	for _, s := range []string{"", "GiB", "-1", "+1", "1e3", "0x10", "1.GiB", ".5G", "1.2.3", "ten", "8192PiB", "1 2", "1EiB", "1/2", "NaN", strings.Repeat("9", 1000)} {
		if got, err := parseSize(s); err == nil {
			t.Errorf("%q: %d", s, got)
		}
	}
}

func TestFormatSize(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 1: "1 B", 1023: "1023 B", 1024: "1 KiB", 1536: "1.5 KiB", 1<<20 - 1: "1023.9 KiB", 1 << 20: "1 MiB", 10 << 30: "10 GiB", 1<<63 - 1: "8191.9 PiB",
	} {
		if got := formatSize(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}

func TestFormatAge(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0s", 900 * time.Millisecond: "0s", 8 * time.Second: "8s", 125 * time.Second: "2m5s", 3 * time.Hour: "3h0m", 100 * time.Hour: "4d4h",
	} {
		if got := formatAge(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}

// FuzzSize: a size is never negative, and a whole number of units comes back as
// it was.
func FuzzSize(f *testing.F) {
	for _, s := range []string{"1", "10GiB", "1.5T", "9999999999999999999", "0.0000001PB", "-1", "1e9", "٣"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := parseSize(s)
		if err != nil {
			return
		}
		if n < 0 {
			t.Fatalf("%q is %d", s, n)
		}
		again, err := parseSize(formatSize(n))
		if err != nil || again > n || n-again > n/9+1 {
			t.Fatalf("%q is %d, shown as %q, which is %d (%v)", s, n, formatSize(n), again, err)
		}
	})
}
