package main

import (
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"
)

// units are the names of sizes. Those that end in "B" without an "i" are decimal,
// as on the label of a disk; all others are powers of 1,024.
var units = []struct {
	name  string
	bytes int64
}{
	{"PiB", 1 << 50}, {"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10},
	{"P", 1 << 50}, {"T", 1 << 40}, {"G", 1 << 30}, {"M", 1 << 20}, {"K", 1 << 10},
	{"PB", 1e15}, {"TB", 1e12}, {"GB", 1e9}, {"MB", 1e6}, {"KB", 1e3}, {"B", 1},
}

// parseSize reads a number of bytes as people write it: "10GiB", "500 MB",
// "1.5T", "1048576".
func parseSize(s string) (int64, error) {
	text, factor := strings.TrimSpace(s), int64(1)
	for _, u := range units {
		if n := len(text) - len(u.name); n > 0 && strings.EqualFold(text[n:], u.name) {
			text, factor = strings.TrimSpace(text[:n]), u.bytes
			break
		}
	}
	if !decimal(text) {
		return 0, fmt.Errorf("%.40q is no size; write for example 10GiB, 500MB or a number of bytes", s)
	}
	// Exact, so that no size is rounded on its way to bytes.
	n, ok := new(big.Rat).SetString(text)
	if !ok {
		return 0, fmt.Errorf("%.40q is no size", s)
	}
	n.Mul(n, new(big.Rat).SetInt64(factor))
	bytes := new(big.Int).Quo(n.Num(), n.Denom())
	if !bytes.IsInt64() {
		return 0, errors.New("size is larger than any disk")
	}
	return bytes.Int64(), nil
}

// decimal reports whether s is digits with at most one point among them, short
// enough to be a size.
func decimal(s string) bool {
	whole, part, point := strings.Cut(s, ".")
	if whole == "" || len(s) > 40 || point && part == "" {
		return false
	}
	return strings.Trim(whole+part, "0123456789") == ""
}

// formatSize writes a number of bytes for people: "3.4 MiB". Sizes that are a
// whole number of a unit are exact.
func formatSize(n int64) string {
	for _, u := range units {
		if u.bytes&(u.bytes-1) != 0 || n < u.bytes {
			continue // not a power of two, or too large
		}
		whole, rest := n/u.bytes, n%u.bytes
		if rest == 0 {
			return fmt.Sprintf("%d %s", whole, u.name)
		}
		// Rounded down: never "1024.0 KiB".
		return fmt.Sprintf("%d.%d %s", whole, rest*10/u.bytes, u.name)
	}
	return fmt.Sprintf("%d B", n)
}

// formatAge writes a duration with two units at most: "3d4h", "12m5s", "8s".
func formatAge(d time.Duration) string {
	d = max(d, 0).Truncate(time.Second)
	days, rest := d/(24*time.Hour), d%(24*time.Hour)
	h, m, s := rest/time.Hour, rest%time.Hour/time.Minute, rest%time.Minute/time.Second
	switch {
	case days > 0:
		return fmt.Sprintf("%dd%dh", days, h)
	case h > 0:
		return fmt.Sprintf("%dh%dm", h, m)
	case m > 0:
		return fmt.Sprintf("%dm%ds", m, s)
	}
	return fmt.Sprintf("%ds", s)
}
