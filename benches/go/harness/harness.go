// Package harness has the loads for peers written in Go. The command line and the line of JSON are
// those of the Rust peers, see benches/harness.
package harness

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Call echoes so many bytes and answers with how many came back.
type Call func(bytes []byte) ([]byte, error)

// Peer is an echo in some framework.
type Peer struct {
	// Serve listens, says where exactly, and serves until the process ends.
	Serve func(listen string, listening func(address string)) error
	// Connect makes a client; it is closed by the second result.
	Connect func(server string) (Call, func(), error)
	// Lost is how many calls may fail in a run.
	Lost int
}

type load struct{ connections, inFlight, bytes int }

var loads = map[string]load{
	"W1": {1, 1, 32},
	"W2": {1, 64, 32},
	"W3": {32, 8, 32},
	"W4": {1, 64, 4 << 10},
	"W5": {1, 4, 1 << 20},
}

var (
	listen      = flag.String("listen", "127.0.0.1:0", "server: address to listen on")
	_           = flag.String("runtime", "", "server: ignored, Go has one runtime")
	server      = flag.String("server", "", "client: address of the server")
	name        = flag.String("load", "W2", "client: W1..W6")
	secs        = flag.Float64("secs", 1, "client: seconds that count")
	warmUp      = flag.Float64("warm-up", 0.3, "client: seconds before")
	watch       = flag.String("watch", "", "client: processes whose time is wanted, the server first")
	connections = flag.Int("connections", 10000, "client: idle connections for W6")
)

// Main is the main function of a peer's program.
func Main(peer Peer) {
	if len(os.Args) < 2 {
		fail(fmt.Errorf("usage: %s server|client [options]", os.Args[0]))
	}
	flag.CommandLine.Parse(os.Args[2:])
	switch {
	case os.Args[1] == "server":
		fail(peer.Serve(*listen, func(address string) { fmt.Println(address) }))
	case *name == "W6":
		fail(idle(peer))
	default:
		fail(calls(peer))
	}
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

const (
	warmingUp = iota
	counting
	over
)

func calls(peer Peer) error {
	load, known := loads[*name]
	if !known {
		return fmt.Errorf("there is no load %q", *name)
	}
	var phase, lost atomic.Int32
	lost.Store(int32(peer.Lost))
	var all sync.WaitGroup
	latencies := make([][]float64, load.connections*load.inFlight)
	errs := make(chan error, len(latencies))
	for i := range latencies {
		if i%load.inFlight != 0 {
			continue
		}
		call, _, err := peer.Connect(*server)
		if err != nil {
			return err
		}
		for j := i; j < i+load.inFlight; j++ {
			all.Add(1)
			go func(mine *[]float64) {
				defer all.Done()
				errs <- caller(call, load.bytes, &phase, &lost, mine)
			}(&latencies[j])
		}
	}
	time.Sleep(seconds(*warmUp))
	before := cpu()
	start := time.Now()
	phase.Store(counting)
	time.Sleep(seconds(*secs))
	phase.Store(over)
	took := time.Since(start).Seconds()
	after := cpu()
	all.Wait()
	for range latencies {
		if err := <-errs; err != nil {
			return err
		}
	}
	var sorted []float64
	for _, mine := range latencies {
		sorted = append(sorted, mine...)
	}
	sort.Float64s(sorted)
	spent := make([]string, len(after))
	for i := range after {
		spent[i] = strconv.FormatInt((after[i]-before[i])/1000, 10)
	}
	fmt.Printf(`{"calls":%d,"secs":%.6f,"p50_us":%.2f,"p99_us":%.2f,"cpu_us":[%s]}`+"\n",
		len(sorted), took, quantile(sorted, 0.5), quantile(sorted, 0.99), strings.Join(spent, ","))
	return nil
}

// caller is one closed loop; latencies in microseconds go to mine.
func caller(call Call, bytes int, phase, lost *atomic.Int32, mine *[]float64) error {
	payload := make([]byte, bytes)
	last := time.Now()
	for {
		reply, err := call(payload)
		if err != nil {
			if lost.Add(-1) < 0 {
				return err
			}
		} else if len(reply) != bytes {
			return fmt.Errorf("%d bytes came back for %d", len(reply), bytes)
		} else {
			payload = reply
		}
		now := time.Now()
		switch phase.Load() {
		case counting:
			*mine = append(*mine, float64(now.Sub(last).Nanoseconds())/1e3)
		case over:
			return nil
		}
		last = now
	}
}

func idle(peer Peer) error {
	pid := strings.Split(*watch, ",")[0]
	open := func() (func(), error) {
		call, end, err := peer.Connect(*server)
		if err != nil {
			return nil, err
		}
		_, err = call(make([]byte, 32))
		return end, err
	}
	end, err := open()
	if err != nil {
		return err
	}
	end()
	time.Sleep(time.Second)
	before := resident(pid)
	ends := make([]func(), *connections)
	for i := range ends {
		if ends[i], err = open(); err != nil {
			return err
		}
	}
	time.Sleep(time.Second)
	fmt.Printf(`{"connections":%d,"resident_bytes":%d}`+"\n", len(ends), resident(pid)-before)
	for _, end := range ends {
		end()
	}
	return nil
}

func quantile(sorted []float64, share float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(int(share*float64(len(sorted))), len(sorted)-1)]
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// cpu is the processor time of the watched processes and, last, of this one, in nanoseconds.
func cpu() []int64 {
	var all []int64
	for _, pid := range append(strings.Split(*watch, ","), "self") {
		if pid == "" {
			continue
		}
		files, _ := filepath.Glob("/proc/" + pid + "/task/*/schedstat")
		var sum int64
		for _, file := range files {
			text, _ := os.ReadFile(file)
			if fields := strings.Fields(string(text)); len(fields) > 0 {
				ns, _ := strconv.ParseInt(fields[0], 10, 64)
				sum += ns
			}
		}
		all = append(all, sum)
	}
	return all
}

// resident is the resident memory of the process in bytes.
func resident(pid string) int64 {
	text, _ := os.ReadFile("/proc/" + pid + "/smaps_rollup")
	for _, line := range strings.Split(string(text), "\n") {
		if rest, found := strings.CutPrefix(line, "Rss:"); found {
			kib, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return kib << 10
		}
	}
	return 0
}
