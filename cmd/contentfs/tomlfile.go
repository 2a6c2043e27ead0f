package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"

	"contentfs/fs/policy"
)

// maxConfig is the size in bytes of the largest configuration file that is read.
const maxConfig = 1 << 20

// credentialsGo says where credentials belong.
const credentialsGo = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment, ~/.aws/credentials, or the role of the machine"

// fileContent is what a configuration file says.
type fileContent struct {
	values map[string]value // by key, and by what the add-on calls a setting
	rules  []policy.Rule
}

// readFile reads the configuration file of c. Without a name it is the usual one
// of the volume, which may be missing.
func (p *program) readFile(c *config, name string) (fileContent, error) {
	optional := name == ""
	if optional {
		name = p.configFile(c.name)
	}
	name, err := filepath.Abs(name)
	if err != nil {
		return fileContent{}, configError("configuration "+name, "", "%w", err)
	}
	text, err := readOwn(name)
	if optional && errors.Is(err, fs.ErrNotExist) {
		return fileContent{}, nil
	}
	if errors.Is(err, errAnybody) {
		return fileContent{}, configError("configuration "+name, "chmod o-w "+name, "%w", err)
	}
	if err != nil {
		return fileContent{}, configError("configuration "+name, "", "%w", reason(err))
	}
	c.file = name
	return parseConfig(name, text)
}

// errAnybody: a file decides what is read, written and sent where, and by whose rights.
var errAnybody = errors.New("anybody may write to it, and it decides what contentfs reads and writes")

// readOwn is readSmall for a file that not everybody may have written.
func readOwn(name string) ([]byte, error) {
	fi, err := os.Stat(name)
	if err == nil && fi.Mode().IsRegular() && fi.Mode().Perm()&0o002 != 0 {
		err = errAnybody
	}
	if err != nil {
		return nil, err
	}
	return readSmall(name)
}

func readSmall(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxConfig+1))
	if err == nil && len(b) > maxConfig {
		err = fmt.Errorf("is larger than %d bytes", maxConfig)
	}
	return b, err
}

// reason strips the operation and path from an error of the os package, where
// the message says them already.
func reason(err error) error {
	var e *fs.PathError
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}

// parseConfig reads the text of a configuration file. Its errors name the file
// and the line, and never show a value that might be a secret.
func parseConfig(name string, text []byte) (fileContent, error) {
	var raw map[string]any
	if err := toml.Unmarshal(text, &raw); err != nil {
		return fileContent{}, syntaxError(name, text, err)
	}
	rules, err := parseRules(name, text, raw[rulesKey])
	if err != nil {
		return fileContent{}, err
	}
	delete(raw, rulesKey)
	values := make(map[string]value)
	for _, key := range slices.Sorted(maps.Keys(raw)) {
		at := where(name, text, key)
		s, err := settingOf(key, at)
		if err != nil {
			return fileContent{}, err
		}
		v, err := s.written(raw[key])
		if err != nil {
			return fileContent{}, configError(at, "", "%s %w", key, err)
		}
		values[key] = value{v, at, exitConfig}
	}
	return fileContent{values, rules}, nil
}

// settingOf returns the setting that a key of the file means. What the add-on
// calls a setting is read as it was exported: truths may stand in quotes.
func settingOf(key, at string) (*setting, error) {
	table := settings()
	if i := slices.IndexFunc(table, func(s setting) bool { return s.key == key }); i >= 0 {
		return &table[i], nil
	}
	switch _, known := seedNames[key]; {
	case known && !seedSecret(key):
		return &setting{key: key, kind: exported}, nil
	case credentialKey(key):
		return nil, configError(at, credentialsGo, "%s: credentials do not belong in this file", printable(key))
	}
	return nil, configError(at, didYouMean(key, "", append(settingKeys(), rulesKey)), "unknown key %q", key)
}

// written returns the text of a value of the file, when it is of the right kind.
func (s *setting) written(v any) (string, error) {
	switch v := v.(type) {
	case string:
		if s.kind != truth { // exported: a sheet has "True"
			return v, nil
		}
	case int64:
		if s.kind == number {
			return strconv.FormatInt(v, 10), nil
		}
	case bool:
		if s.kind == truth || s.kind == exported {
			return strconv.FormatBool(v), nil
		}
	}
	switch s.kind {
	case truth:
		return "", errors.New("must be true or false, without quotes")
	case number:
		return "", errors.New("must be a number or a string in quotes")
	case octal:
		return "", fmt.Errorf("must be in quotes, as in %s = \"022\"", s.key)
	}
	return "", errors.New("must be a string in quotes")
}

// syntaxError says where a file is no TOML. The parser's message may quote what
// it read, so a line that looks like a credential is not repeated.
func syntaxError(name string, text []byte, err error) error {
	var pe toml.ParseError
	if !errors.As(err, &pe) {
		return configError("configuration "+name, "", "is no valid TOML")
	}
	at := fmt.Sprintf("%s:%d", name, pe.Position.Line)
	lines := bytes.Split(text, []byte("\n"))
	for i := max(pe.Position.Line-2, 0); i < min(pe.Position.Line+1, len(lines)); i++ {
		if credentialKey(string(lines[i])) {
			return configError(at, credentialsGo, "is no valid TOML, and looks like credentials, which do not belong in this file")
		}
	}
	return configError(at, "", "is no valid TOML: %s", printable(pe.Message))
}

// where returns the file and, as far as it can be found, the line of a key.
func where(name string, text []byte, key string) string {
	n := 0
	for line := range bytes.Lines(text) {
		n++
		word := strings.TrimLeft(string(line), " \t[\"'")
		if rest, ok := strings.CutPrefix(word, key); ok && keyEnds(rest) {
			return fmt.Sprintf("%s:%d", name, n)
		}
	}
	return name
}

// keyEnds reports whether what follows a key on its line shows that it was whole.
func keyEnds(rest string) bool {
	rest = strings.TrimLeft(rest, "\"' \t")
	return rest != "" && strings.ContainsRune("=.]", rune(rest[0]))
}

// credentialKey reports whether a key, or a line, has to do with credentials.
func credentialKey(key string) bool {
	key = strings.NewReplacer("_", "", "-", "", ".", "", " ", "").Replace(strings.ToLower(key))
	for _, w := range []string{"accesskey", "secret", "seecret", "password", "passwd", "credential", "token", "keyid", "awskey", "apikey"} {
		if strings.Contains(key, w) {
			return true
		}
	}
	return false
}
