package backendtest

import (
	"fmt"
	"net/http"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// A test may end the thread that it started a gateway from: the gateway goes on.
func TestGatewayOutlivesThread(t *testing.T) {
	started := make(chan *Gateway, 1)
	thread := make(chan int, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		started <- StartGateway(t)
		thread <- syscall.Gettid()
	}()
	g, id := <-started, <-thread
	if id != os.Getpid() { // the first thread of a process stays
		limit := time.Now().Add(readyTimeout)
		for path := fmt.Sprintf("/proc/self/task/%d", id); ; {
			if _, err := os.Stat(path); err != nil {
				break
			}
			if time.Now().After(limit) {
				t.Fatal("the thread does not end")
			}
			<-time.After(time.Millisecond)
		}
	}
	answer, err := http.Get(g.Endpoint + healthPath)
	if err != nil {
		t.Fatalf("the gateway ended with the thread that started it: %v", err)
	}
	answer.Body.Close()
}
