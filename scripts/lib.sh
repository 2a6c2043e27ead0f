# shellcheck shell=bash
# What the doors share: finding Go, installing what is missing, a throw-away S3
# server. Sourced after "set -euo pipefail", from the top of the repository.

readonly versitygw_version=v1.8.0

# What root uses is not on the PATH of every user who becomes root.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

say() { printf '%s\n' "$*"; }
die() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

# as_root runs the calling script again through sudo unless it is root's already:
# mounting for other users, passthrough and the power-cut tests need root.
as_root() {
	[[ $EUID -ne 0 ]] || return 0
	command -v sudo >/dev/null || die "this needs root; run it as root, or install sudo"
	# sudo's own PATH often lacks Go.
	exec sudo -- env PATH="$PATH" bash "scripts/${0##*/}" "$@"
}

# find_go puts Go on PATH and refuses one that is older than go.mod asks for.
find_go() {
	command -v go >/dev/null || PATH=$PATH:/usr/local/go/bin
	command -v go >/dev/null || die "Go is missing; install it from https://go.dev/dl"
	local want have
	want=$(awk '$1 == "go" { print $2 }' go.mod)
	have=$(GOTOOLCHAIN=local go env GOVERSION)
	[[ $(printf '%s\n' "$want" "${have#go}" | sort -V | head -n 1) == "$want" ]] ||
		die "this needs Go $want or newer, and here is $have"
	# Who builds need not own the tree, and git then refuses to tell the revision.
	export GOFLAGS="${GOFLAGS:+$GOFLAGS }-buildvcs=false"
	export CGO_ENABLED=1
}

# retry runs a command up to three times.
retry() {
	local pause
	for pause in 2 5 0; do
		"$@" && return 0
		((pause == 0)) || sleep "$pause"
	done
	return 1
}

apt_updated=
# apt_install installs Debian packages without asking anything.
apt_install() {
	command -v apt-get >/dev/null ||
		die "there is no apt-get here; install what these Debian packages hold by hand: $*"
	say "installing: $*"
	export DEBIAN_FRONTEND=noninteractive
	if [[ -z $apt_updated ]]; then
		retry apt-get -qq update >&2 || die "apt-get update failed; is there a network?"
		apt_updated=yes
	fi
	local log
	log=$(mktemp)
	retry apt-get -qq -y --no-install-recommends install "$@" >"$log" 2>&1 || {
		cat "$log" >&2
		die "cannot install $*; install them by hand and start again"
	}
	rm "$log"
}

# need installs packages for the commands that are missing. Arguments are
# COMMAND=PACKAGE.
need() {
	local pair missing=()
	for pair in "$@"; do
		command -v "${pair%%=*}" >/dev/null || missing+=("${pair#*=}")
	done
	[[ ${#missing[@]} -eq 0 ]] || apt_install "${missing[@]}"
}

# need_programs is need, also for the programs that fs/volume/programs runs on a
# mount. Those of them that would serve this machine from now on do not.
need_programs() {
	local service services=()
	for service in apache2 nginx vsftpd; do
		command -v "$service" >/dev/null || services+=("$service")
	done
	need "$@" apache2=apache2 chattr=e2fsprogs convert=imagemagick curl=curl emacs=emacs-nox getfattr=attr git=git \
		inotifywait=inotify-tools logrotate=logrotate mogrify=imagemagick nginx=nginx patch=patch php=php-cli \
		python3=python3 rsync=rsync setfacl=acl setfattr=attr sqlite3=sqlite3 unzip=unzip vim=vim vsftpd=vsftpd zip=zip
	if ((${#services[@]} > 0)) && [[ -d /run/systemd/system ]]; then
		systemctl disable --quiet --now "${services[@]}"
	fi
}

# need_compiler sees to a C compiler with its headers, for SQLite.
need_compiler() {
	printf '#include <stdlib.h>\nint main(void) { return 0; }\n' |
		gcc -x c -o /dev/null - 2>/dev/null || apt_install gcc libc6-dev
}

need_fuse() {
	need fusermount3=fuse3
	[[ -c /dev/fuse ]] || modprobe fuse 2>/dev/null || true
	[[ -c /dev/fuse ]] ||
		die "there is no /dev/fuse; in a container, start it with --device /dev/fuse --cap-add SYS_ADMIN"
}

# need_versitygw sees to the S3 server of tests and demo, in its pinned version,
# and tells the tests where it is.
need_versitygw() {
	[[ -z ${CONTENTFS_VERSITYGW:-} ]] || return 0
	local tools=${XDG_CACHE_HOME:-$HOME/.cache}/contentfs/tools
	local gateway=$tools/versitygw
	if ! go version -m "$gateway" 2>/dev/null | grep -q "versity/versitygw[[:space:]]$versitygw_version"; then
		say "installing: versitygw $versitygw_version, an S3 server, into $tools (takes minutes)"
		mkdir -p "$tools"
		GOFLAGS='' GOBIN=$tools retry go install "github.com/versity/versitygw/cmd/versitygw@$versitygw_version" ||
			die "cannot install versitygw $versitygw_version; is there a network?"
	fi
	export CONTENTFS_VERSITYGW=$gateway
}

# new_gateway FOLDER starts an S3 server over FOLDER on a free port of loopback,
# with new keys, and puts the keys where every AWS tool finds them. It sets
# endpoint and gateway_pid.
new_gateway() {
	export AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY
	AWS_ACCESS_KEY_ID=$(random_hex 10)
	AWS_SECRET_ACCESS_KEY=$(random_hex 20)
	export AWS_REGION=us-east-1 AWS_EC2_METADATA_DISABLED=true
	export AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null
	unset AWS_SESSION_TOKEN AWS_PROFILE
	local _
	for _ in {1..5}; do
		endpoint=http://127.0.0.1:$((20000 + RANDOM % 10000))
		start_gateway "$1" && return 0
	done
	cat "$1.log" >&2
	die "the S3 server does not start"
}

# start_gateway FOLDER serves FOLDER at $endpoint and returns when it answers.
start_gateway() {
	# The keys go by environment: arguments are world-readable.
	ROOT_ACCESS_KEY=$AWS_ACCESS_KEY_ID ROOT_SECRET_KEY=$AWS_SECRET_ACCESS_KEY \
		setsid "$CONTENTFS_VERSITYGW" --port "${endpoint#http://}" --keep-alive --quiet \
		--health /healthy posix "$1" >>"$1.log" 2>&1 </dev/null &
	gateway_pid=$!
	disown "$gateway_pid"
	local _
	for _ in {1..400}; do
		# Who answers may be somebody else's server, while ours found the port taken.
		curl -fs --noproxy '*' -o /dev/null "$endpoint/healthy" && kill -0 "$gateway_pid" 2>/dev/null && return 0
		kill -0 "$gateway_pid" 2>/dev/null || return 1
		sleep 0.05
	done
	return 1
}

# stop_process PID ends a process that this script started, and waits for that.
stop_process() {
	[[ -n ${1:-} ]] || return 0
	kill "$1" 2>/dev/null || return 0
	await 10 gone "$1" || kill -9 "$1" 2>/dev/null || true
}
gone() { ! kill -0 "$1" 2>/dev/null; }

# await SECONDS COMMAND... repeats a command until it succeeds.
await() {
	local until=$((SECONDS + $1 + 1))
	shift
	until "$@"; do
		((SECONDS < until)) || return 1
		sleep 0.05
	done
}

# mounts_in FOLDER prints the mount points in FOLDER, the innermost first.
mounts_in() { awk -v top="$1/" 'index($2, top) == 1 { print $2 }' /proc/mounts | tac; }

# throw_away FOLDER removes FOLDER, and first of all every mount in it.
throw_away() {
	local mount
	while read -r mount; do umount -l "$mount" || true; done < <(mounts_in "$1")
	rm -rf --one-file-system "$1"
}

random_hex() { od -An -N "$1" -tx1 /dev/urandom | tr -d ' \n'; }
