package life

import "golang.org/x/sys/unix"

// Where the architecture has them, the C library uses the older ones.
var olderCalls = map[string]syscallOf{
	"unlink": {unix.SYS_UNLINK, byPath},
	"rename": {unix.SYS_RENAME, byPath},
	"mkdir":  {unix.SYS_MKDIR, byPath},
}

const auditArch = unix.AUDIT_ARCH_X86_64
