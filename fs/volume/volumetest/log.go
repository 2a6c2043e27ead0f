package volumetest

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
)

// Log is a slog.Handler that gives a test what a volume logs and fails it for
// warnings that it did not announce.
type Log struct {
	t  testing.TB
	mu sync.Mutex // guards what follows

	expected []string
	seen     []string
	over     bool // the test ended: nothing may be written to t any more
}

// Expect announces a warning or error by a part of its message.
func (l *Log) Expect(part string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.expected = append(l.expected, part)
}

// Seen reports how many lines with this part in their message were logged.
func (l *Log) Seen(part string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, s := range l.seen {
		if strings.Contains(s, part) {
			n++
		}
	}
	return n
}

// Enabled takes everything: what is written at debug level helps when a test fails.
func (l *Log) Enabled(context.Context, slog.Level) bool { return true }

// Handle writes a line to the test's log.
func (l *Log) Handle(_ context.Context, r slog.Record) error {
	var b strings.Builder
	b.WriteString(r.Message)
	r.Attrs(func(a slog.Attr) bool {
		b.WriteString(" " + a.String())
		return true
	})
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seen = append(l.seen, r.Message)
	if l.over {
		return nil
	}
	l.t.Logf("%s %s", r.Level, b.String())
	if r.Level >= slog.LevelWarn && !l.announced(r.Message) {
		l.t.Errorf("unexpected %s: %s", r.Level, b.String())
	}
	return nil
}

func (l *Log) announced(msg string) bool {
	for _, part := range l.expected {
		if strings.Contains(msg, part) {
			return true
		}
	}
	return false
}

func (l *Log) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.over = true
}

// WithAttrs is not used by contentfs.
func (l *Log) WithAttrs([]slog.Attr) slog.Handler { return l }

// WithGroup is not used by contentfs.
func (l *Log) WithGroup(string) slog.Handler { return l }
