package life

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// Log is what the daemons of a volume wrote to stderr, one life after the other.
type Log struct {
	t        testing.TB
	path     string
	expected []string
	checked  int // bytes of the file
	deaf     bool
	seen     map[string]int
}

func newLog(t testing.TB, path string) *Log {
	return &Log{t: t, path: path, seen: make(map[string]int)}
}

// Expect announces warnings and errors by parts of their message.
func (l *Log) Expect(parts ...string) { l.expected = append(l.expected, parts...) }

// Forgive ends the judgement of what was logged at this moment: what follows
// until Judge is not looked at. A disk that lost its power makes its daemon
// complain. What was logged before is checked.
func (l *Log) Forgive() (judge func()) {
	l.check()
	l.deaf = true
	return func() { l.checked, l.deaf = len(l.read()), false }
}

// Count returns how many lines with a message that holds part were checked.
func (l *Log) Count(part string) int {
	l.check()
	n := 0
	for msg, k := range l.seen {
		if strings.Contains(msg, part) {
			n += k
		}
	}
	return n
}

func (l *Log) open() (*os.File, error) {
	return os.OpenFile(l.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
}

func (l *Log) read() []byte {
	b, err := os.ReadFile(l.path)
	if err != nil && !os.IsNotExist(err) {
		l.t.Error(err)
	}
	return b
}

// check looks at all whole lines that were not looked at yet.
func (l *Log) check() {
	l.t.Helper()
	if l.deaf {
		return
	}
	b := l.read()
	for l.checked < len(b) {
		n := strings.IndexByte(string(b[l.checked:]), '\n')
		if n < 0 {
			return // the rest of the line is still to come
		}
		l.judge(string(b[l.checked : l.checked+n]))
		l.checked += n + 1
	}
}

func (l *Log) judge(line string) {
	l.t.Helper()
	var e struct {
		Level string `json:"level"`
		Msg   string `json:"msg"`
	}
	if json.Unmarshal([]byte(line), &e) != nil {
		// No log line: an error of the command, or the trace of a panic.
		e.Level, e.Msg = "RAW", line
	}
	l.seen[e.Msg]++
	if e.Level == "INFO" || e.Level == "DEBUG" {
		return
	}
	for _, part := range l.expected {
		if strings.Contains(e.Msg, part) {
			return
		}
	}
	l.t.Errorf("the daemon logged: %s", line)
}

// Since returns a function that gives what is logged from now on.
func (l *Log) Since() func() string {
	begin := len(l.read())
	return func() string { return string(l.read()[begin:]) }
}

// Tail returns the end of the log, for messages.
func (l *Log) Tail() string {
	b := l.read()
	return string(b[max(0, len(b)-8<<10):])
}
