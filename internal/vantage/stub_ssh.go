package vantage

import (
	"errors"
	"time"
)

func newSSHLink(string, SSH, time.Duration, reachFunc) (link, error) { return nil, errors.New("stub") }
