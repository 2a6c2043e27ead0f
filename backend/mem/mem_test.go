package mem_test

import (
	"testing"

	"contentfs/backend"
	"contentfs/backend/backendtest"
	"contentfs/backend/mem"
)

func TestConformance(t *testing.T) {
	backendtest.Run(t, func(*testing.T) backend.Backend { return mem.New() })
}
