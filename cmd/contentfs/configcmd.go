package main

import (
	"context"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"
)

func (p *program) configCommand() *cli.Command {
	return &cli.Command{
		Name:  "config",
		Usage: "print settings and where they come from; take over those of the add-on",
		Subcommands: []*cli.Command{
			{
				Name:      "show",
				Usage:     "print every setting, its value and where it comes from",
				ArgsUsage: "VOLUME|PATH",
				Description: `Prints the settings as mount would have them, with the same options, environment and
configuration file. Credentials are no settings and are never printed.`,
				Flags:  append(flagsOf(func(*setting) bool { return true }), configFlag(), formatFlag()),
				Action: interruptible(p.configShow),
			},
			{
				Name:      "import-sheet",
				Usage:     "print the configuration that a property sheet of collective.contentfiles2aws means",
				ArgsUsage: "FILE.xml",
				Description: `Reads the sheet as Plone exports it (Site Setup, portal_setup, export of the step
"Properties": propertiestool.xml) and prints what belongs in /etc/contentfs/VOLUME.toml.
The two keys are never printed: with --env they go to a new file that only its owner
can read, /etc/contentfs/VOLUME.env for example, which the systemd unit reads.`,
				Flags: []cli.Flag{
					&cli.StringFlag{Name: "env", Usage: "write the credentials to this new `FILE`"},
					formatFlag(),
				},
				Action: interruptible(p.configImportSheet),
			},
		},
	}
}

func (p *program) configShow(_ context.Context, c *cli.Context) error {
	asJSON, err := wantJSON(c)
	if err != nil {
		return err
	}
	arg, err := oneArgument(c, "VOLUME")
	if err != nil {
		return err
	}
	t, err := p.target(c, arg)
	if err != nil {
		return err
	}
	r := &configResult{Volume: t.name, File: t.file, Rules: len(t.rules)}
	for _, s := range settings() {
		f := settingFinding{Key: s.key, Origin: t.origins[s.key]}
		if f.Origin == "" {
			f.Origin, f.Note = "not set", s.note
		} else {
			text := t.texts[s.key]
			f.Value = &text
		}
		r.Settings = append(r.Settings, f)
	}
	return p.print(asJSON, r)
}

// configResult is the settings of a volume.
type configResult struct {
	Volume   string           `json:"volume"`
	File     string           `json:"file,omitempty"`
	Settings []settingFinding `json:"settings"`
	Rules    int              `json:"rules"`
}

// settingFinding is one setting.
type settingFinding struct {
	Key    string  `json:"key"`
	Value  *string `json:"value"`
	Origin string  `json:"origin"`
	Note   string  `json:"note,omitempty"` // what counts where it is not set
}

func (r *configResult) table(w io.Writer) {
	for _, s := range r.Settings {
		value := "-"
		switch {
		case s.Value != nil && *s.Value == "":
			value = `""`
		case s.Value != nil:
			value = *s.Value
		case s.Note != "":
			value = "- (" + s.Note + ")"
		}
		row(w, s.Key, value, s.Origin)
	}
}

func (r *configResult) verdict() string {
	set := 0
	for _, s := range r.Settings {
		if s.Value != nil && s.Origin != "default" {
			set++
		}
	}
	from := "there is no configuration file"
	if r.File != "" {
		from = "configuration file " + r.File
	}
	return fmt.Sprintf("%s: %s set, %s, %s", r.Volume, count(int64(set), "setting"), count(int64(r.Rules), "rule"), from)
}
