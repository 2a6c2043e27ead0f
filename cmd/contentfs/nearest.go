package main

import (
	"slices"
	"strings"
)

// longestName is the length in bytes from which on a word is no mistyped name.
const longestName = 64

// nearest returns the one of names that word was most likely meant to be, "" when
// none is near.
func nearest(word string, names []string) string {
	word = plain(word)
	if len(word) > longestName {
		return ""
	}
	best, bestCost := "", len(word)/2+1
	for _, name := range names {
		cost := distance(word, plain(name))
		if strings.HasPrefix(plain(name), word) && len(word) >= 3 {
			cost = min(cost, 1)
		}
		if cost < bestCost {
			best, bestCost = name, cost
		}
	}
	return best
}

// plain makes names of options, keys and variables comparable.
func plain(s string) string {
	return strings.ReplaceAll(strings.ToLower(s), "-", "_")
}

// distance counts the insertions, deletions, replacements and swaps of
// neighbours that turn a into b.
func distance(a, b string) int {
	prev2, prev := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := range len(a) {
		row := make([]int, len(b)+1)
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(prev[j]+cost, prev[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], prev2[j-1]+1)
			}
		}
		prev2, prev = prev, row
	}
	return prev[len(b)]
}

// didYouMean returns a remedy that names the nearest of names, or lists them.
func didYouMean(word, before string, names []string) string {
	if n := nearest(word, names); n != "" {
		return before + n
	}
	all := slices.Clone(names)
	slices.Sort(all)
	return "one of " + strings.Join(all, ", ")
}
