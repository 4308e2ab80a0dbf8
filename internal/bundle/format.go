// Copyright (c) The terraform-provider-preflight Authors
// SPDX-License-Identifier: MPL-2.0

package bundle

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/terraform-preflight/terraform-provider-preflight/internal/suggest"
)

// Format is the form of a result file.
type Format string

const (
	// FormatStatus is the status alone, with no newline, as on Troubleshoot's documentation page.
	FormatStatus Format = "status"
	// FormatJSON is {"status":"...","message":"...","reason":"..."}, with no newline. The Troubleshoot tools write
	// and read it without the reason.
	FormatJSON Format = "json"
)

// Formats returns all formats, the default first.
func Formats() []Format {
	return []Format{FormatStatus, FormatJSON}
}

func (f Format) encode(result Result) ([]byte, error) {
	if f == FormatStatus {
		return []byte(result.Status), nil
	}
	var file bytes.Buffer
	encoder := json.NewEncoder(&file)
	encoder.SetEscapeHTML(false) // people read the message
	err := encoder.Encode(struct {
		Status  string `json:"status"`
		Message string `json:"message"`
		Reason  string `json:"reason"`
	}(result))
	return bytes.TrimSuffix(file.Bytes(), []byte("\n")), err
}

// decode decodes a file of either format. isStatus reports whether a text by itself is a status. A JSON file may also
// hold a status of a later version.
func decode(file []byte, isStatus func(string) bool) (Result, error) {
	if len(file) == 0 {
		return Result{}, errors.New("the file is empty")
	}
	if bytes.HasPrefix(bytes.TrimSpace(file), []byte("{")) {
		return decodeJSON(file)
	}
	status := strings.TrimSuffix(string(file), "\n")
	if !isStatus(status) {
		return Result{}, fmt.Errorf("the file holds %q, which is not a status", suggest.Abbreviate(string(file)))
	}
	return Result{Status: status}, nil
}

func decodeJSON(file []byte) (Result, error) {
	var result Result
	wanted := map[string]any{"status": &result.Status, "message": &result.Message, "reason": &result.Reason}
	if err := decodeObject(file, wanted); err != nil {
		return Result{}, err
	}
	if !statusWord.MatchString(result.Status) {
		return Result{}, fmt.Errorf("the status of the file, %q, is not a status", suggest.Abbreviate(result.Status))
	}
	return result, nil
}

// decodeObject decodes the fields of a JSON object that are wanted. It is stricter than json.Unmarshal, which accepts
// a key twice, and in any case: a file that says two things is an error.
func decodeObject(file []byte, wanted map[string]any) error {
	decoder := json.NewDecoder(bytes.NewReader(file))
	if begin, err := decoder.Token(); err != nil {
		return invalidJSON(err)
	} else if begin != json.Delim('{') {
		return errors.New("the file is not a JSON object")
	}
	seen := make(map[string]bool)
	for decoder.More() {
		key, err := decoder.Token()
		if err != nil {
			return invalidJSON(err)
		}
		name, _ := key.(string) // a decoder accepts nothing else as a key
		if seen[name] {
			return fmt.Errorf("the file has the key %q twice", suggest.Abbreviate(name))
		}
		seen[name] = true
		value := wanted[name]
		if value == nil {
			value = new(json.RawMessage)
		}
		if err := decoder.Decode(value); err != nil {
			return invalidJSON(fmt.Errorf("key %q: %w", suggest.Abbreviate(name), err))
		}
	}
	if _, err := decoder.Token(); err != nil {
		return invalidJSON(err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("the file has more than one JSON value")
	}
	return nil
}

// statusWord matches the statuses of any version. It does not match what may do harm, for example control characters
// of a terminal.
var statusWord = regexp.MustCompile(`^[a-z][a-z0-9-]{0,63}$`)

func invalidJSON(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the file is truncated JSON")
	}
	return fmt.Errorf("the file is not valid JSON: %w", err)
}
