package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"
)

func (p *program) configImportSheet(_ context.Context, c *cli.Context) error {
	asJSON, err := wantJSON(c)
	if err != nil {
		return err
	}
	name, err := oneArgument(c, "FILE.xml")
	if err != nil {
		return err
	}
	what := "property sheet " + name
	text, err := readSmall(name)
	if err != nil {
		return configError(what, "", "%w", reason(err))
	}
	sheet, err := readSheet(text)
	if err != nil {
		return configError(what, "", "%w", err)
	}
	if len(sheet) == 0 {
		return configError(what, "the export of the step \"Properties\" of portal_setup, propertiestool.xml",
			"holds no property of collective.contentfiles2aws")
	}
	r, err := sheetSettings(name, sheet)
	if err != nil {
		return err
	}
	keys, has, err := sheetCredentials(sheet)
	if err != nil {
		return configError(what, "", "%w", err)
	}
	r.Credentials = credentialsNone
	if has {
		r.Credentials = credentialsLeft
	}
	if env := c.String("env"); has && env != "" {
		if err := writeSecret(env, keys); err != nil {
			return err
		}
		r.Credentials, r.Env = credentialsWritten, env
	}
	if has && r.Env == "" {
		fmt.Fprintln(p.stderr, "contentfs: the sheet's credentials are not printed; --env FILE writes them to a file for the systemd unit")
	}
	if asJSON {
		return p.print(true, r)
	}
	// All of it is a configuration file, the verdict too.
	_, err = io.WriteString(p.stdout, r.TOML+"\n# "+printable(r.verdict())+"\n")
	return err
}

// What became of the credentials of a sheet.
const (
	credentialsNone    = "none in the sheet"
	credentialsLeft    = "not written"
	credentialsWritten = "written"
)

// sheetResult is what a property sheet means here.
type sheetResult struct {
	Settings    map[string]string `json:"settings"`
	TOML        string            `json:"toml"`
	Credentials string            `json:"credentials"`
	Env         string            `json:"env,omitempty"`
}

func (r *sheetResult) table(io.Writer) {}

func (r *sheetResult) verdict() string {
	s := fmt.Sprintf("%s taken over; credentials: %s", count(int64(len(r.Settings)), "setting"), r.Credentials)
	if r.Env != "" {
		s += " to " + r.Env
	}
	return s
}

// sheetSettings makes a configuration file of a sheet. Every value is read as the
// file's would be, so that what is printed can be used.
func sheetSettings(name string, sheet map[string]string) (*sheetResult, error) {
	found, err := fromSeed(func(property string) (value, bool) {
		v, ok := sheet[property]
		return value{v, name, exitConfig}, ok
	})
	if err != nil {
		return nil, err
	}
	r := &sheetResult{Settings: make(map[string]string)}
	var b strings.Builder
	b.WriteString("# Taken over from the property sheet of collective.contentfiles2aws.\n")
	for _, s := range settings() {
		v, ok := found[s.key]
		if !ok {
			continue
		}
		if err := s.set(&config{}, v.text); err != nil {
			return nil, configError("property sheet "+name, "", "%s: %w", seedNameOf(s.key), err)
		}
		r.Settings[s.key] = v.text
		fmt.Fprintf(&b, "%-10s = %s # %s\n", s.key, tomlString(v.text), seedNameOf(s.key))
	}
	if _, ok := found["bucket"]; !ok {
		b.WriteString("# bucket     = \"NAME\"          # is not in the sheet\n")
	}
	b.WriteString("# region     = \"eu-central-1\"  # of the bucket; the add-on did not know it\n" +
		"# mountpoint = \"/srv/cms/files\"\n")
	r.TOML = b.String()
	return r, nil
}

// seedNameOf returns what the add-on calls a setting.
func seedNameOf(key string) string {
	for name, k := range seedNames {
		if k == key {
			return name
		}
	}
	return key
}

// tomlString writes a string as TOML has it.
func tomlString(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range strings.ToValidUTF8(s, "\uFFFD") {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// writeSecret writes a new file that only its owner can read, durably. A file that
// is there already is left as it is: it may hold other credentials.
func writeSecret(name, text string) (err error) {
	what := "credentials " + name
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL|unix.O_NOFOLLOW, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return configError(what, "a name that does not exist yet", "is there already, and is left as it is")
	}
	if err != nil {
		return configError(what, "", "%w", reason(err))
	}
	_, err = io.WriteString(f, text)
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		os.Remove(name) // half of it is of no use
		return configError(what, "", "%w", reason(err))
	}
	return nil
}
