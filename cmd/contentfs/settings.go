package main

import (
	"strings"

	"github.com/urfave/cli/v2"
)

// kind is how a setting is written in the configuration file.
type kind int

const (
	text     kind = iota // a string
	number               // an integer, or a string
	truth                // true or false
	octal                // a string: TOML would read 022 as an error, and 0o22 as 18
	exported             // as the add-on's property sheet has it: a string, true or false
)

// group says which commands take a setting.
type group string

const (
	groupStore  group = "Bucket"
	groupLocal  group = "On this server"
	groupFiles  group = "Permissions"
	groupURL    group = "URLs for visitors"
	groupDaemon group = "Process"

	groupGarbage group = "Deleted and replaced files"
)

// groups returns all of them.
func groups() []group {
	return []group{groupStore, groupLocal, groupFiles, groupURL, groupDaemon, groupGarbage}
}

// setting is one thing that can be set: in the file by its key, in the
// environment, and as an option.
type setting struct {
	key   string // "cache_size"
	def   string // the default as it would be written; "" for none
	note  string // the default as the help tells it, where def does not say it
	help  string // what stands for the value in `quotes`
	kind  kind
	group group
	noOpt bool // given as an argument, not as an option
	set   func(c *config, value string) error
}

// env is the setting's variable, option its option without the dashes.
func (s *setting) env() string    { return "CONTENTFS_" + strings.ToUpper(s.key) }
func (s *setting) option() string { return strings.ReplaceAll(s.key, "_", "-") }

// flag is the setting as an option of a command.
func (s *setting) flag() cli.Flag {
	def := s.note
	if def == "" {
		def = s.def
	}
	if s.kind == truth {
		return &cli.BoolFlag{Name: s.option(), Usage: s.help, Category: string(s.group), DefaultText: def, DisableDefaultText: def == "false"}
	}
	return &cli.StringFlag{Name: s.option(), Usage: s.help, Category: string(s.group), DefaultText: def}
}

// settings returns the table that flags, environment, file and help come from.
func settings() []setting {
	return []setting{
		{key: "bucket", group: groupStore, set: setBucket,
			help: "`NAME` of the bucket"},
		{key: "prefix", group: groupStore, set: setPrefix,
			help: "`PREFIX` that the keys of this volume begin with"},
		{key: "region", group: groupStore, set: setRegion, note: "from the AWS configuration",
			help: "`REGION` of the bucket"},
		{key: "endpoint", group: groupStore, set: setEndpoint, note: "AWS",
			help: "`URL` of a store that is not AWS's"},
		{key: "path_style", kind: truth, def: "false", group: groupStore, set: truthInto(func(c *config) *bool { return &c.store.pathStyle }),
			help: "address the bucket as ENDPOINT/BUCKET, as most stores that are not AWS's want it"},
		{key: "offload", def: "on", group: groupStore, set: setOffload,
			help: "`WHETHER` new content of a new volume goes to S3: on or off"},

		{key: "mountpoint", group: groupLocal, set: absoluteInto(func(c *config) *string { return &c.mountpoint }), noOpt: true,
			help: "`DIR` to mount on"},
		{key: "state", group: groupLocal, set: absoluteInto(func(c *config) *string { return &c.state }), note: "/var/lib/contentfs/VOLUME",
			help: "`DIR` of the database and the local files"},
		{key: "cache_size", def: "10GiB", kind: number, group: groupLocal, set: setCacheSize,
			help: "`SIZE` of what is kept on this server although S3 has it"},
		{key: "fallback", group: groupLocal, set: absoluteInto(func(c *config) *string { return &c.fallback }),
			help: "`DIR` that holds what S3 does not"},
		{key: "durability", def: "strict", group: groupLocal, set: setDurability,
			help: "`WHEN` close returns: strict (content is safe on this server's disk), relaxed (a power cut may take the last seconds), s3 (S3 has it)"},

		{key: "grace", def: "7d", group: groupGarbage, set: setGrace,
			help: "`TIME` that replaced and deleted content is kept, at least: contentfs gc removes what is older"},

		{key: "uid", kind: number, group: groupFiles, set: setUID, note: "who creates them",
			help: "`USER`, a name or a number, that owns new files"},
		{key: "gid", kind: number, group: groupFiles, set: setGID, note: "who creates them",
			help: "`GROUP`, a name or a number, that owns new files"},
		{key: "umask", def: "000", kind: octal, group: groupFiles, set: setUmask,
			help: "permission `BITS`, in octal, that new files do not get, besides those that the application's umask takes"},
		{key: "read_only", kind: truth, def: "false", group: groupFiles, set: truthInto(func(c *config) *bool { return &c.readOnly }),
			help: "refuse every change"},
		{key: "allow_other", kind: truth, note: "true for root", group: groupFiles, set: setAllowOther,
			help: "let other users in, as the permissions of the files say"},

		{key: "site_url", group: groupURL, set: setSiteURL,
			help: "`URL` where the application serves the tree, for content that is not in S3 yet"},
		{key: "cdn_domain", group: groupURL, set: setCDNDomain,
			help: "`DOMAIN` of the CDN in front of the bucket"},

		{key: "http", group: groupDaemon, set: setHTTP,
			help: "`ADDRESS`, as 127.0.0.1:7480, where web servers get redirects to objects, and files that have none yet; off when empty"},
		{key: "passthrough", kind: truth, def: "true", group: groupDaemon, set: truthInto(func(c *config) *bool { return &c.passthrough }),
			help: "let the kernel read and write local files by itself where it can; off with --passthrough=false"},
		{key: "drain_deadline", def: "60s", group: groupDaemon, set: setDrain,
			help: "`TIME` that a stopped mount waits for uploads; what is left goes on with the next mount"},
		{key: "log_level", def: "info", group: groupDaemon, set: setLogLevel,
			help: "`LEVEL` of the log: debug, info, warn or error"},
		{key: "log_format", def: "text", group: groupDaemon, set: setLogFormat,
			help: "`FORMAT` of the log: text or json"},
	}
}

// flagsOf returns the options for the settings that choose picks.
func flagsOf(choose func(*setting) bool) []cli.Flag {
	var flags []cli.Flag
	for _, s := range settings() {
		if !s.noOpt && choose(&s) {
			flags = append(flags, s.flag())
		}
	}
	return flags
}

// settingKeys returns all keys of the table.
func settingKeys() []string {
	var keys []string
	for _, s := range settings() {
		keys = append(keys, s.key)
	}
	return keys
}
