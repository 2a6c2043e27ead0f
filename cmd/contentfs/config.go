package main

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"regexp"
	"time"

	"contentfs/fs/policy"
)

// volumeName is what a volume may be called.
var volumeName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

// config is all that is known about a volume before it is opened. Paths are
// absolute.
type config struct {
	name       string
	mountpoint string // "" when none is set
	state      string
	socket     string

	store   storeConfig
	offload string // "on" or "off": where new content of a new volume goes
	rules   []policy.Rule
	policy  *policy.Policy // of the rules

	cacheSize  int64 // bytes
	fallback   string
	durability string

	uid, gid   *uint32 // of new files; nil: who creates them
	umask      uint32
	readOnly   bool
	allowOther *bool // nil: for root

	siteURL   string
	cdnDomain string

	http        string // host:port, "" for none
	passthrough bool
	drain       time.Duration
	grace       time.Duration
	logLevel    slog.Level
	logJSON     bool

	file    string            // the configuration file that was read, "" for none
	origins map[string]string // by key: where the value came from
	texts   map[string]string // by key: the value as it was written
}

// storeConfig says where the objects are.
type storeConfig struct {
	bucket    string // "" when none is set
	prefix    string // without "/" at either end
	region    string
	endpoint  string
	pathStyle bool
}

// options are the settings given on a command line.
type options interface {
	// lookup returns the value given for an option.
	lookup(option string) (string, bool)
}

// value is a setting as it was written, and where.
type value struct {
	text   string
	origin string
	code   int // the exit code when it is wrong
}

// load brings the settings of a volume together: option over environment over
// file over the add-on's names in the environment over default. file is the configuration file, "" for the usual one, which
// may be missing.
func (p *program) load(name, file string, opts options) (*config, error) {
	if !volumeName.MatchString(name) {
		return nil, usageError(fmt.Sprintf("volume %q", name),
			"a name such as web, or a path with a \"/\" in it where a mounted volume is meant",
			"a volume's name has 1 to 64 lower-case letters, digits, \".\", \"_\" and \"-\", and begins with a letter or digit")
	}
	c := &config{name: name, origins: make(map[string]string), texts: make(map[string]string)}
	fromFile, err := p.readFile(c, file)
	if err != nil {
		return nil, err
	}
	c.rules = fromFile.rules
	if c.policy, err = policy.New(c.rules); err != nil {
		return nil, configError("configuration "+c.file, "", "%w", err)
	}
	places, err := p.placesOfSettings(fromFile.values, opts)
	if err != nil {
		return nil, err
	}
	table := settings()
	for i := range table {
		s := &table[i]
		v, ok := find(s, places)
		if !ok {
			continue
		}
		c.origins[s.key], c.texts[s.key] = v.origin, v.text
		if err := s.set(c, v.text); err != nil {
			return nil, &failure{code: v.code, what: fmt.Sprintf("%s (%s)", s.key, v.origin), err: err}
		}
	}
	c.place(p)
	return c, nil
}

// lookup returns the value that one place has for a setting.
type lookup func(*setting) (value, bool)

// placesOfSettings returns the places in which a setting may stand, the strongest
// first. What the add-on calls a setting counts where the setting itself would in
// the file, but in the environment last: a name such as AWS_BUCKET_NAME may stand
// there for another program.
func (p *program) placesOfSettings(file map[string]value, opts options) ([]lookup, error) {
	inFile, err := fromSeed(func(name string) (value, bool) {
		v, ok := file[name]
		return v, ok
	})
	if err != nil {
		return nil, err
	}
	for key, v := range inFile {
		if old, twice := file[key]; twice {
			return nil, configError(v.origin, "one of the two", "%s is set already, in %s", key, old.origin)
		}
	}
	inEnv, err := fromSeed(func(name string) (value, bool) {
		v, ok := p.getenv(name)
		return value{v, "environment " + name, exitConfig}, ok && v != ""
	})
	if err != nil {
		return nil, err
	}
	keyIn := func(m map[string]value) lookup {
		return func(s *setting) (value, bool) { v, ok := m[s.key]; return v, ok }
	}
	return []lookup{
		func(s *setting) (value, bool) {
			v, ok := opts.lookup(s.option())
			return value{v, "option --" + s.option(), exitUsage}, ok && !s.noOpt
		},
		func(s *setting) (value, bool) {
			v, ok := p.getenv(s.env())
			return value{v, "environment " + s.env(), exitConfig}, ok && v != ""
		},
		keyIn(file), keyIn(inFile), keyIn(inEnv),
		func(s *setting) (value, bool) { return value{s.def, "default", exitConfig}, s.def != "" },
	}, nil
}

// find returns the value of a setting from the first place that has one.
func find(s *setting, places []lookup) (value, bool) {
	for _, in := range places {
		if v, ok := in(s); ok {
			return v, true
		}
	}
	return value{}, false
}

// place fills in the paths that follow from the name.
func (c *config) place(p *program) {
	if c.state != "" {
		c.socket = filepath.Join(c.state, "control.sock")
		return
	}
	c.state = filepath.Join(p.paths.state, c.name)
	c.socket = filepath.Join(p.paths.run, c.name+".sock")
}

// databaseName is the database in the folder of the state.
const databaseName = "meta.db"

// database is the path of the volume's database.
func (c *config) database() string { return filepath.Join(c.state, databaseName) }

// needBucket returns an error when no bucket is set.
func (c *config) needBucket(p *program) error {
	if c.store.bucket != "" {
		return nil
	}
	return configError("volume "+c.name,
		fmt.Sprintf("--bucket NAME, CONTENTFS_BUCKET=NAME, or bucket = \"NAME\" in %s", p.configFile(c.name)),
		"no bucket is set")
}

// configFile is the usual configuration file of a volume.
func (p *program) configFile(name string) string {
	return filepath.Join(p.paths.config, name+".toml")
}
