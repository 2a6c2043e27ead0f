package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"
)

// target is the volume that an argument means, and its mount when it has one.
type target struct {
	*config
	mount   mountEntry
	mounted bool   // the kernel has a mount of the volume
	path    string // the argument as an absolute path, "" when it was a name
}

// target finds the volume that an argument means: its name, or a path that its
// mount holds.
func (p *program) target(c *cli.Context, arg string) (*target, error) {
	list, err := p.mounts()
	if err != nil {
		return nil, err
	}
	t := &target{}
	name := arg
	if strings.Contains(arg, "/") || arg == "." || arg == ".." {
		if t.path, t.mount, t.mounted, err = locate(list, arg); err != nil {
			return nil, err
		}
		if !t.mounted {
			return nil, configError(arg, "the name of a volume", "no mounted volume holds this path")
		}
		name = t.mount.source
	}
	if t.config, err = p.load(name, c.String("config"), cliOptions{c}); err != nil {
		return nil, err
	}
	if t.path == "" {
		t.mount, t.mounted = mountOf(list, name)
	}
	return t, nil
}

// locate finds the mount that holds path. The path as it is comes first, since
// nothing on a dead mount can be looked at; then the folder it links to.
func locate(list []mountEntry, path string) (abs string, m mountEntry, ok bool, err error) {
	if abs, err = filepath.Abs(path); err != nil {
		return "", m, false, fmt.Errorf("path %q: %w", path, err)
	}
	if m, ok = mountAt(list, abs); ok {
		return abs, m, true, nil
	}
	real, err := filepath.EvalSymlinks(abs)
	if err != nil {
		return abs, m, false, nil // what cannot be followed leads nowhere
	}
	m, ok = mountAt(list, real)
	return real, m, ok, nil
}

// exists returns an error when nothing on this server knows the volume: neither
// a mount nor a state nor a configuration. A name is easily mistyped.
func (t *target) exists(p *program) error {
	if t.mounted || t.file != "" {
		return nil
	}
	fi, err := os.Stat(t.state)
	if err == nil && fi.IsDir() {
		return nil
	}
	if err == nil {
		err = fs.ErrInvalid
	}
	return configError("volume "+t.name, "",
		"there is no such volume: no state in %s (%w) and no configuration %s", t.state, reason(err), p.configFile(t.name))
}

// oneVolume returns the volume that the only argument of a command means, and how to
// print the result.
func (p *program) oneVolume(c *cli.Context) (t *target, asJSON bool, err error) {
	if asJSON, err = wantJSON(c); err != nil {
		return nil, false, err
	}
	arg, err := oneArgument(c, "VOLUME")
	if err != nil {
		return nil, false, err
	}
	if t, err = p.target(c, arg); err != nil {
		return nil, false, err
	}
	return t, asJSON, t.exists(p)
}

// oneArgument returns the only argument of a command.
func oneArgument(c *cli.Context, what string) (string, error) {
	switch c.NArg() {
	case 0:
		return "", usageError("command line", fmt.Sprintf("contentfs %s %s", commandName(c), what), "%s is missing", what)
	case 1:
		return c.Args().First(), nil
	}
	return "", usageError("command line", fmt.Sprintf("contentfs %s --help", commandName(c)), "there are more arguments than %s", what)
}

// commandName returns what was called, with the command that it stands below.
func commandName(c *cli.Context) string {
	return strings.TrimPrefix(c.Command.HelpName, "contentfs ")
}
