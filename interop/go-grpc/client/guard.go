package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"

	"google.golang.org/grpc/grpclog"
)

// guarded runs one case to its end. grpc-go's test client reports what is wrong by a fatal message
// to the log, which would end the process; here it ends the case.
func guarded(run func() error) error {
	fatal := make(chan string, 1)
	grpclog.SetLoggerV2(logger{grpclog.NewLoggerV2(io.Discard, io.Discard, os.Stderr), fatal})
	done := make(chan error, 1)
	go func() {
		err := errors.New("the case ended without a word")
		defer func() { done <- err }()
		err = run()
	}()
	select {
	case err := <-done:
		select {
		case why := <-fatal:
			return errors.New(why)
		default:
			return err
		}
	case <-time.After(caseDeadline + 5*time.Second):
		return fmt.Errorf("no end after %v", caseDeadline)
	}
}

type logger struct {
	grpclog.LoggerV2
	fatal chan<- string
}

// failed ends the goroutine that runs the case.
func (l logger) failed(why string) {
	select {
	case l.fatal <- strings.TrimSpace(why):
	default:
	}
	runtime.Goexit()
}

func (l logger) Fatal(args ...any)                 { l.failed(fmt.Sprint(args...)) }
func (l logger) Fatalf(format string, args ...any) { l.failed(fmt.Sprintf(format, args...)) }
func (l logger) Fatalln(args ...any)               { l.failed(fmt.Sprintln(args...)) }
func (l logger) FatalDepth(_ int, args ...any)     { l.failed(fmt.Sprintln(args...)) }

func (l logger) InfoDepth(_ int, args ...any)    { l.Infoln(args...) }
func (l logger) WarningDepth(_ int, args ...any) { l.Warningln(args...) }
func (l logger) ErrorDepth(_ int, args ...any)   { l.Errorln(args...) }
