package life

import "golang.org/x/sys/unix"

var olderCalls = map[string]syscallOf{}

const auditArch = unix.AUDIT_ARCH_AARCH64
