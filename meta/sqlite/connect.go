package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"

	sqlite3 "github.com/mattn/go-sqlite3"
)

// role is what a connection is for.
type role int

const (
	writing    role = iota // changes, and copies the log
	reading                // beside a writer, or without a log
	inspecting             // strictly read-only
	immutable              // on a file system that cannot change
)

// connector opens connections, all with the same settings. The driver is not
// registered anywhere.
type connector struct {
	path string
	role role
	// probe: it is not known yet whose database this is; it is left in its mode.
	probe bool
}

// Connect opens a connection and gives it its settings.
func (c connector) Connect(context.Context) (driver.Conn, error) {
	return c.driver().Open(c.dsn())
}

// Driver is for database/sql.
func (c connector) Driver() driver.Driver { return c.driver() }

func (c connector) driver() *sqlite3.SQLiteDriver {
	return &sqlite3.SQLiteDriver{ConnectHook: c.configure}
}

func (c connector) dsn() string {
	u := url.URL{Scheme: "file", Path: c.path}
	switch c.role {
	case writing, reading:
		u.RawQuery = "mode=rw"
	case inspecting:
		u.RawQuery = "mode=ro"
	case immutable:
		u.RawQuery = "mode=ro&immutable=1"
	}
	return u.String()
}

// pragma is a setting, and what SQLite answers when it has it.
type pragma struct{ name, value, answer string }

// pragmas are in the order in which they are set. A wait for a lock must be
// possible before anything that may need one.
func (c connector) pragmas() []pragma {
	list := []pragma{
		{"busy_timeout", "5000", "5000"},
		{"trusted_schema", "OFF", "0"},
		{"cell_size_check", "ON", "1"},
		{"mmap_size", "0", "0"}, // a failing disk would be a SIGBUS
		{"temp_store", "MEMORY", "2"},
		{"foreign_keys", "ON", "1"},
		{"cache_size", c.cache(), c.cache()},
		{"synchronous", "FULL", "2"},
		{"wal_autocheckpoint", "0", "0"},
		{"journal_size_limit", "67108864", "67108864"},
	}
	if c.role != writing {
		list = append(list, pragma{"query_only", "ON", "1"})
	}
	if c.probe {
		return list
	}
	mode := pragma{"journal_mode", "", "wal"}
	if c.role == writing {
		mode.value = "WAL"
	}
	return append(list, mode)
}

// cache returns the size of the page cache, in KiB and negative as SQLite wants it.
// The writer touches pages all over the database. Of readers there are several, and
// the page cache of the kernel stands behind them all.
func (c connector) cache() string {
	if c.role == writing {
		return "-4096"
	}
	return "-2048"
}

// configure sets every pragma and then reads all of them back.
func (c connector) configure(conn *sqlite3.SQLiteConn) error {
	if c.role == writing || c.role == reading {
		// Whoever closes the database last leaves the log there, empty: a log that is
		// missing was taken away.
		if err := conn.SetFileControlInt("main", sqlite3.SQLITE_FCNTL_PERSIST_WAL, 1); err != nil {
			return fmt.Errorf("keep the log: %w", err)
		}
	}
	for _, p := range c.pragmas() {
		if p.value == "" {
			continue
		}
		if _, err := conn.Exec("PRAGMA "+p.name+" = "+p.value, nil); err != nil {
			return fmt.Errorf("pragma %s: %w", p.name, err)
		}
	}
	for _, p := range c.pragmas() {
		got, err := readPragma(conn, p.name)
		if err != nil {
			return fmt.Errorf("pragma %s: %w", p.name, err)
		}
		if got != p.answer {
			return fmt.Errorf("pragma %s is %q and not %q", p.name, got, p.answer)
		}
	}
	return nil
}

// readPragma gives a pragma's value as text, in lower case.
func readPragma(conn *sqlite3.SQLiteConn, name string) (value string, err error) {
	rows, err := conn.Query("PRAGMA "+name, nil)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	row := make([]driver.Value, len(rows.Columns()))
	if err := rows.Next(row); err != nil {
		if errors.Is(err, io.EOF) {
			return "", errors.New("not known to SQLite")
		}
		return "", err
	}
	switch v := row[0].(type) {
	case []byte:
		return strings.ToLower(string(v)), nil
	default:
		return strings.ToLower(fmt.Sprint(v)), nil
	}
}
