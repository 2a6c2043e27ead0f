package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"contentfs/fs/crash"
)

// program is everything outside that the commands touch.
type program struct {
	stdout io.Writer
	stderr io.Writer
	getenv func(string) (string, bool)
	now    func() time.Time
	paths  paths
	args   []string // the command line as it was understood

	// openStore opens the bucket without a request to it.
	openStore func(context.Context, storeConfig) (objectStore, error)
}

// paths are the usual places.
type paths struct {
	config string // folder of the configuration files
	state  string // folder of the volumes' states
	run    string // folder of the control sockets
	mounts string // the kernel's list of mounts
}

// newProgram returns the program as it runs on a server.
func newProgram() *program {
	return &program{
		stdout: os.Stdout,
		stderr: os.Stderr,
		getenv: os.LookupEnv,
		now:    time.Now,
		paths: paths{
			config: "/etc/contentfs",
			state:  "/var/lib/contentfs",
			run:    "/run/contentfs",
			mounts: "/proc/self/mountinfo",
		},
		openStore: openS3,
	}
}

// commands returns all commands. Each lives in a file of its name.
func (p *program) commands() []*cli.Command {
	return []*cli.Command{
		p.mountCommand(),
		p.unmountCommand(),
		p.statusCommand(),
		p.checkCommand(),
		p.urlCommand(),
		p.enableCommand(),
		p.disableCommand(),
		p.migrateCommand(),
		p.restoreCommand(),
		p.moveCommand(),
		p.errorsCommand(),
		p.retryCommand(),
		p.iamPolicyCommand(),
		p.policyCommand(),
		p.configCommand(),
		p.historyCommand(),
		p.undeleteCommand(),
		p.gcCommand(),
		p.verifyCommand(),
		p.quarantineCommand(),
		p.importCommand(),
		p.rebuildCommand(),
		p.lookupCommand(),
	}
}

const about = `A volume has a name, for example web. From it follow the configuration
/etc/contentfs/web.toml and the state /var/lib/contentfs/web.

Every option that is a setting can be given in three places: --cache-size on the
command line, CONTENTFS_CACHE_SIZE in the environment, cache_size in the
configuration file. The first of them that has it wins.

Credentials are taken from where every AWS tool takes them: the environment,
~/.aws, or the role of the machine.

Exit codes: 0 done; 1 something could not be done; 2 wrong command line;
3 configuration, credentials or bucket; 4 store unreachable; 5 differences found;
130 interrupted.`

// app returns the command line of the program.
func (p *program) app() *cli.App {
	app := &cli.App{
		Name:            "contentfs",
		Usage:           "a file system whose files become objects in S3",
		UsageText:       "contentfs COMMAND [options] VOLUME",
		Description:     about,
		Version:         version(),
		Commands:        p.commands(),
		HideHelpCommand: true,
		Writer:          p.stdout,
		ErrWriter:       p.stderr,
		ExitErrHandler:  func(*cli.Context, error) {}, // run decides
	}
	explainMisuse("contentfs ", app.Commands)
	return app
}

// explainMisuse makes the parser's errors of commands, and of those below them,
// errors of ours. before is what stands before their names.
func explainMisuse(before string, commands []*cli.Command) {
	for _, c := range commands {
		c.HideHelpCommand = true
		c.OnUsageError = func(_ *cli.Context, err error, _ bool) error {
			return usageError("command line", before+c.Name+" --help", "%w", err)
		}
		explainMisuse(before+c.Name+" ", c.Subcommands)
	}
}

// run carries out a command line, program name first, and returns the exit code.
func (p *program) run(ctx context.Context, args []string) int {
	if err := p.armCrash(); err != nil {
		return report(p.stderr, err)
	}
	app := p.app()
	args, err := arrange(app, args)
	if err == nil {
		p.args = args
		err = app.RunContext(ctx, args)
	}
	return report(p.stderr, err)
}

// armCrash has the process end itself where the environment says so, for tests.
func (p *program) armCrash() error {
	text, ok := p.getenv(crash.Variable)
	if !ok || text == "" {
		return nil
	}
	if err := crash.Arm(text, p.stderr); err != nil {
		return configError("environment", "unset "+crash.Variable, "%w", err)
	}
	return nil
}

// cliOptions are the options of a parsed command line.
type cliOptions struct{ c *cli.Context }

func (o cliOptions) lookup(name string) (string, bool) {
	if !o.c.IsSet(name) || !o.isSetting(name) {
		return "", false
	}
	return fmt.Sprint(o.c.Value(name)), true
}

// isSetting tells an option that is a setting from one that only has the name of one:
// --uid of most commands is that of a content item. Settings stand in their groups.
func (o cliOptions) isSetting(name string) bool {
	for _, f := range o.c.Command.Flags {
		if !slices.Contains(f.Names(), name) {
			continue
		}
		listed, ok := f.(cli.CategorizableFlag)
		return ok && slices.Contains(groups(), group(listed.GetCategory()))
	}
	return false
}

// version returns the version that the binary was built as.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "unknown"
	}
	return info.Main.Version
}
