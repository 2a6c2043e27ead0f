package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"contentfs/fs/audit"
	"contentfs/fs/content"
	"contentfs/fs/control"
)

func (p *program) verifyCommand() *cli.Command {
	return &cli.Command{
		Name: "verify", Usage: "compare what is on record with what is there", ArgsUsage: "VOLUME",
		Description: `Compares the metadata with itself, and every version with its file on this server, its
copy in the fallback and its object in S3: whether it is there, with the right size,
and, as far as the store knows one, the right checksum. It changes nothing, and works
while the volume is mounted as well.

With --checksum everything is read and its checksum compared. With --repair what
differs is cured where that is without risk: a local file that is wrong is fetched
again from where it was just shown to be right, an object that is gone or wrong is
sent again under a new key, and what is wrong and nowhere else goes to the quarantine.
What could not be looked at counts as neither right nor wrong.`,
		Flags: append(flagsOf(func(s *setting) bool {
			return s.group == groupStore || s.key == "state" || s.key == "fallback"
		}),
			&cli.BoolFlag{Name: "checksum", Usage: "read everything, and compare checksums", DisableDefaultText: true},
			&cli.StringFlag{Name: "sample", Usage: "compare only this `SHARE` of the versions, at random: 5% or a number", DefaultText: "all"},
			&cli.BoolFlag{Name: "repair", Usage: "cure what can be cured without risk", DisableDefaultText: true},
			configFlag(), formatFlag()),
		Action: interruptible(p.verify),
	}
}

func (p *program) verify(ctx context.Context, c *cli.Context) (err error) {
	repair := c.Bool("repair")
	share, number, err := sampleOption(c.String("sample"))
	if err != nil {
		return err
	}
	s, asJSON, err := p.oneSession(c, repair)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	files, err := audit.LookLocal(s.state)
	if err != nil {
		return configError("volume "+s.name, "--state DIR, as it was given when the volume was mounted", "%w", err)
	}
	defer files.Close()
	bar := p.verifyBar(s.name)
	x := &audit.Verification{Meta: s.store, Files: files, Objects: s.objects, Checksum: c.Bool("checksum"), Sample: share,
		Repair: repair, Now: func() int64 { return p.now().UnixNano() }, Progress: bar.report}
	if number > 0 {
		if x.Sample, err = s.shareOf(number); err != nil {
			return err
		}
	}
	if _, err := control.Dial(s.socket); !errors.Is(err, control.ErrNotRunning) || s.mounted {
		x.Mounted = true // also when it does not answer
	}
	if s.fallback != "" {
		if x.Fallback, err = content.OpenFallback(s.fallback); err != nil {
			return configError("fallback "+s.fallback, "", "%w", err)
		}
		defer x.Fallback.Close()
	}
	found, err := x.Run(ctx)
	bar.end()
	if err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	if found.Cured > 0 {
		s.wake(ctx)
	}
	r := &verifyResult{Volume: s.name, Repair: repair, Complete: err == nil, found: found}
	r.fill()
	if perr := p.print(asJSON, r); perr != nil {
		return perr
	}
	if err != nil {
		return told(exitInterrupted)
	}
	return r.outcome()
}

// sampleOption reads the option --sample: a share of all, or a number.
func sampleOption(text string) (share float64, number int64, err error) {
	if text == "" {
		return 0, 0, nil
	}
	wrong := func() (float64, int64, error) {
		return 0, 0, usageError("option --sample", "--sample 5%, --sample 1000", "%.40q is neither a percentage up to 100%% nor a number", text)
	}
	if percent, ok := strings.CutSuffix(text, "%"); ok {
		f, err := strconv.ParseFloat(percent, 64)
		if err != nil || !(f > 0 && f <= 100) {
			return wrong()
		}
		return f / 100, 0, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n <= 0 {
		return wrong()
	}
	return 0, n, nil
}

// shareOf returns which share of the versions a number of them is.
func (s *session) shareOf(number int64) (float64, error) {
	st, err := s.store.Stats()
	if err != nil {
		return 0, fmt.Errorf("count versions: %w", err)
	}
	all := st.OnlyLocal.Number + st.LocalAndS3.Number + st.OnlyS3.Number + st.Fallback.Number + st.Nowhere.Number + st.Retired.Number
	return float64(number) / float64(max(all, number)), nil
}
