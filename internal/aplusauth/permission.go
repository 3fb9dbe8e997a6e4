package aplusauth

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// Access is what a permission allows. Accesses are compared for equality: Write
// does not imply Read.
type Access int

// The accesses that A+ knows.
const (
	None   Access = 0
	Read   Access = 1
	Write  Access = 2
	Create Access = 4
)

// instanceType is the type of permissions to course instances, the only ones
// that this service checks.
const instanceType = "instance"

// Permission is one item of a token's list, in JSON [Type, Access, Details].
type Permission struct {
	Type    string // course, instance, module, exercise or submission
	Access  Access
	Details map[string]json.RawMessage // for instances: id, an integer
}

// ForInstance is the permission to access one course instance of A+.
func ForInstance(a Access, id int64) Permission {
	return Permission{Type: instanceType, Access: a, Details: map[string]json.RawMessage{"id": fmt.Append(nil, id)}}
}

// MarshalJSON gives the item as tokens hold it.
func (p Permission) MarshalJSON() ([]byte, error) {
	details := p.Details
	if details == nil {
		details = map[string]json.RawMessage{}
	}
	return json.Marshal([]any{p.Type, p.Access, details})
}

// UnmarshalJSON reads an item. Unknown types and other shapes are errors,
// unknown accesses and details are not.
func (p *Permission) UnmarshalJSON(data []byte) error {
	var parts []json.RawMessage
	if err := json.Unmarshal(data, &parts); err != nil || len(parts) != 3 {
		return errors.New(`a permission is a list of three: ["instance", 1, {"id": 5}]`)
	}
	var access *Access
	read := Permission{}
	types := []string{"course", instanceType, "module", "exercise", "submission"}
	if err := json.Unmarshal(parts[0], &read.Type); err != nil || !slices.Contains(types, read.Type) {
		return fmt.Errorf("the type of a permission is %q, not %.60s", types, parts[0])
	}
	if err := json.Unmarshal(parts[1], &access); err != nil || access == nil {
		return fmt.Errorf("the access of a permission is 1 (read), 2 (write) or 4 (create), not %.60s", parts[1])
	}
	if err := json.Unmarshal(parts[2], &read.Details); err != nil || read.Details == nil {
		return fmt.Errorf(`the details of a permission are an object such as {"id": 5}, not %.60s`, parts[2])
	}
	read.Access = *access
	*p = read
	return nil
}

// instance gives the id of the course instance that the permission is for.
func (p Permission) instance() (int64, bool) {
	var id *int64
	if p.Type != instanceType || json.Unmarshal(p.Details["id"], &id) != nil || id == nil {
		return 0, false
	}
	return *id, true
}
