// Contentfs mounts a volume whose files become plain objects in S3, and tells
// the administrator what is where.
//
//	contentfs mount [options] VOLUME [MOUNTPOINT]
//	contentfs unmount [options] VOLUME|PATH
//	contentfs status [options] VOLUME|PATH
//	contentfs check [options] VOLUME
//	contentfs url [options] PATH...
//	contentfs iam-policy [options] VOLUME
//	contentfs policy explain [options] [VOLUME] PATH
//	contentfs policy list [options] VOLUME
//	contentfs config show [options] VOLUME
//	contentfs config import-sheet [options] FILE
//
// # Volumes
//
// A volume has a name: 1 to 64 lower-case letters, digits, ".", "_" and "-",
// beginning with a letter or digit. From the name follow the configuration
// /etc/contentfs/NAME.toml, the state /var/lib/contentfs/NAME and the control
// socket /run/contentfs/NAME.sock. With a state of its own (--state DIR) the
// socket is DIR/control.sock. An argument with a "/" in it is a path: the mount
// that holds it says which volume is meant.
//
// # Settings
//
// One table (settings.go) says what can be set. The setting cache_size is the
// key cache_size of the file, the variable CONTENTFS_CACHE_SIZE and the option
// --cache-size. An option wins over the environment, the environment over the
// file, the file over the default. An empty variable counts as not set. A key
// that is not in the table is an error. Credentials are no settings: they come
// from where every AWS tool takes them.
//
// The names that collective.contentfiles2aws has for settings (seednames.go) are
// taken in the file, and in the environment behind everything but the default,
// since other programs use such names, too.
//
// The rules of the policy are no settings either: only the file can hold them, as
// tables [[rule]] (rules.go).
//
// # Output
//
// Results go to stdout, as a table or as one JSON object (--format json); the
// last line of a table is a verdict, which JSON has as the member "verdict".
// Progress and errors go to stderr; an error is a line "contentfs: what: why"
// and, where something can be done about it, a line "try: …".
//
// # Exit codes
//
// They are constants in exit.go, and a number never gets another meaning.
//
// # Layout
//
// One file a command: parse, call, print. app.go has the list of commands,
// config.go and tomlfile.go bring the settings together, target.go finds the
// volume that an argument means, output.go and progress.go write.
package main
