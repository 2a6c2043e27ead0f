package main

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// arrange checks the names in a command line and puts the options of a command
// in front of its arguments, where the parser wants them: an administrator
// writes them in any order.
func arrange(app *cli.App, args []string) ([]string, error) {
	if len(args) < 2 {
		return nil, usageError("command line", "contentfs --help", "no command is given")
	}
	name := args[1]
	switch name {
	case "-h", "--help", "-v", "--version":
		return args[:2], nil
	case "help":
		return append([]string{args[0]}, append(args[2:min(3, len(args))], "--help")...), nil
	}
	var names []string
	for _, c := range app.Commands {
		if c.HasName(name) {
			c, words, err := subcommand(c, args[1:])
			if err != nil {
				return nil, err
			}
			rest, err := optionsFirst(c, args[1+len(words):])
			return append(append([]string{args[0]}, words...), rest...), err
		}
		names = append(names, c.Names()...)
	}
	if strings.HasPrefix(name, "-") {
		return nil, usageError("command line", "contentfs COMMAND "+name, "options stand behind the command")
	}
	return nil, usageError("command line", didYouMean(name, "contentfs ", names), "there is no command %q", name)
}

// subcommand returns the command that args begin with, and the words that name it:
// c itself, or one of those below it.
func subcommand(c *cli.Command, args []string) (*cli.Command, []string, error) {
	if len(c.Subcommands) == 0 {
		return c, args[:1], nil
	}
	if len(args) < 2 {
		return nil, nil, usageError("command line", "contentfs "+c.Name+" --help", "%s needs one of %s", c.Name, strings.Join(subcommandNames(c), ", "))
	}
	word := args[1]
	for _, sub := range c.Subcommands {
		if sub.HasName(word) {
			return sub, args[:2], nil
		}
	}
	if strings.HasPrefix(word, "-") {
		return c, args[:1], nil // its help
	}
	return nil, nil, usageError("command line", didYouMean(word, "contentfs "+c.Name+" ", subcommandNames(c)), "%s has no command %q", c.Name, word)
}

func subcommandNames(c *cli.Command) []string {
	var names []string
	for _, sub := range c.Subcommands {
		names = append(names, sub.Names()...)
	}
	return names
}

// optionsFirst puts the options of c in front of its arguments, and everything
// behind "--" last.
func optionsFirst(c *cli.Command, args []string) ([]string, error) {
	var opts, rest []string
	for i := 0; i < len(args); i++ {
		arg := args[i]
		if arg == "--" {
			rest = append(rest, args[i+1:]...)
			break
		}
		if len(arg) < 2 || arg[0] != '-' {
			rest = append(rest, arg)
			continue
		}
		name, _, whole := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		if name == "help" || name == "h" {
			return []string{"--help"}, nil // with arguments it would mean something else
		}
		opts = append(opts, arg)
		takes, known := takesValue(c, name)
		if !known {
			return nil, usageError("command line", didYouMean(name, "--", optionNames(c)), "%s has no option --%s", c.Name, name)
		}
		if takes && !whole {
			if i+1 == len(args) {
				return nil, usageError("command line", "contentfs "+c.Name+" --help", "option --%s needs a value", name)
			}
			i++
			opts = append(opts, args[i])
		}
	}
	return append(append(opts, "--"), rest...), nil
}

// takesValue reports whether c has an option of this name and whether a value
// follows it.
func takesValue(c *cli.Command, name string) (takes, known bool) {
	for _, f := range c.Flags {
		if slices.Contains(f.Names(), name) {
			_, isBool := f.(*cli.BoolFlag)
			return !isBool, true
		}
	}
	return false, false
}

// optionNames returns the options of c that the help shows.
func optionNames(c *cli.Command) []string {
	names := []string{"help"}
	for _, f := range c.Flags {
		if v, ok := f.(cli.VisibleFlag); !ok || v.IsVisible() {
			names = append(names, f.Names()...)
		}
	}
	return names
}
