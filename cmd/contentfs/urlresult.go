package main

import (
	"fmt"
	"io"
	"strings"
)

// urlResult is what url found.
type urlResult struct {
	URLs []urlFinding `json:"urls"`

	failed int
}

// urlFinding is the address of one path, or why it has none.
type urlFinding struct {
	Path  string `json:"path"`
	URL   string `json:"url,omitempty"`
	Error string `json:"error,omitempty"`
}

func (r *urlResult) add(path, url string, err error) {
	f := urlFinding{Path: path, URL: url}
	if err != nil {
		f = urlFinding{Path: path, Error: err.Error()}
		r.failed++
	}
	r.URLs = append(r.URLs, f)
}

// lines are the addresses that were found, one a line.
func (r *urlResult) lines() string {
	var b strings.Builder
	for _, f := range r.URLs {
		if f.URL != "" {
			b.WriteString(printable(f.URL) + "\n")
		}
	}
	return b.String()
}

func (r *urlResult) table(w io.Writer) { io.WriteString(w, r.lines()) }

func (r *urlResult) verdict() string {
	return fmt.Sprintf("%d of %d addresses found", len(r.URLs)-r.failed, len(r.URLs))
}
