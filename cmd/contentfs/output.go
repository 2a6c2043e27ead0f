package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/urfave/cli/v2"
)

// formatFlag is the option --format of every command.
func formatFlag() cli.Flag {
	return &cli.StringFlag{Name: "format", Value: "table", Usage: "`FORMAT` of the result: table or json"}
}

// configFlag is the option --config of every command that reads settings.
func configFlag() cli.Flag {
	return &cli.StringFlag{Name: "config", Usage: "configuration `FILE`", DefaultText: "/etc/contentfs/VOLUME.toml"}
}

// result is what a command found out.
type result interface {
	// table writes the result for people, without the verdict.
	table(w io.Writer)
	// verdict is the last line: what came of it, with counts.
	verdict() string
}

// wantJSON reads the option --format.
func wantJSON(c *cli.Context) (bool, error) {
	switch f := c.String("format"); f {
	case "table":
		return false, nil
	case "json":
		return true, nil
	default:
		return false, usageError("option --format", "--format table, --format json", "there is no format %q", f)
	}
}

// print writes a result in the format that was asked for. As JSON, the verdict
// is one more member of the object.
func (p *program) print(asJSON bool, r result) error {
	if !asJSON {
		w := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
		r.table(w)
		if err := w.Flush(); err != nil {
			return fmt.Errorf("print: %w", err)
		}
		_, err := fmt.Fprintln(p.stdout, printable(r.verdict()))
		return err
	}
	b, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("print: %w", err)
	}
	v, err := json.Marshal(r.verdict())
	if err != nil {
		return fmt.Errorf("print: %w", err)
	}
	comma := ","
	if string(b) == "{}" {
		comma = ""
	}
	_, err = fmt.Fprintf(p.stdout, "%s%s\"verdict\":%s}\n", b[:len(b)-1], comma, v)
	return err
}

// listing is a result that is one line for each thing that was asked.
type listing interface {
	result
	lines() string
}

// printLines writes a listing without a verdict: the lines are for other programs to
// use. What failed has been told.
func (p *program) printLines(asJSON bool, r listing, failed int) (err error) {
	if asJSON {
		err = p.print(true, r)
	} else {
		_, err = io.WriteString(p.stdout, r.lines())
	}
	if err == nil && failed > 0 {
		err = told(exitFailed)
	}
	return err
}

// row writes one line of a table.
func row(w io.Writer, cells ...string) {
	for i, c := range cells {
		cells[i] = printable(c)
	}
	fmt.Fprintln(w, strings.Join(cells, "\t"))
}

// printable returns s with what would move a terminal's cursor or colours, or
// break a line, escaped. Names of files come from anywhere.
func printable(s string) string {
	ok := func(r rune) bool { return r == ' ' || unicode.IsPrint(r) }
	if utf8.ValidString(s) && strings.IndexFunc(s, func(r rune) bool { return !ok(r) }) < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case ok(r):
			b.WriteRune(r)
		default:
			q := strconv.QuoteRune(r)
			b.WriteString(q[1 : len(q)-1])
		}
		i += n
	}
	return b.String()
}

// formatTime writes a point in time for people, in this server's zone.
func formatTime(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05") }

// count writes a number with its noun: "1 file", "12 files".
func count(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.FormatInt(n, 10) + " " + noun + "s"
}

// amount writes a number of files with their size: "12 files (3.4 MiB)".
func amount(n, bytes int64) string {
	return count(n, "file") + " (" + formatSize(bytes) + ")"
}
