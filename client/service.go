package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
)

// Caller is whoever a token belongs to.
type Caller struct {
	ID            string `json:"id"`
	Issuer        string `json:"issuer"` // who signed the token
	Open          bool   `json:"open"`   // logins are not checked
	Administrator bool   `json:"administrator"`
}

// DeployKey is the public ssh key that a course's git host must let read.
type DeployKey struct {
	PublicKey   string `json:"public_key"` // a line of an authorized_keys file
	Type        string `json:"type"`
	Fingerprint string `json:"fingerprint"` // as ssh-keygen -l shows it
}

// Origin is what a git host answered about a repository.
type Origin struct {
	Readable     bool       `json:"readable"`
	Problem      string     `json:"problem"`       // why it is not
	Branches     []Branch   `json:"branches"`      // the usual main branches first, then by name
	BranchExists *bool      `json:"branch_exists"` // nil: no branch was asked for
	DeployKey    *DeployKey `json:"deploy_key"`    // that the git host must let read; nil: none
}

// Branch is a branch of a repository.
type Branch struct {
	Name   string `json:"name"`
	Commit string `json:"commit"`
}

// OriginCheck asks about an origin for a course that is edited, or for a new one of
// a course instance of A+.
type OriginCheck struct {
	GitOrigin string `json:"git_origin"`
	GitBranch string `json:"git_branch,omitempty"`
	Course    string `json:"course,omitempty"`
	RemoteID  *int64 `json:"remote_id,omitempty"`
}

// Whoami tells whose token the client shows.
func (c *Client) Whoami(ctx context.Context) (Caller, error) {
	return get[Caller](ctx, c, restPath+"/whoami")
}

// DeployKey gives the public key that the git host of a course must let read.
func (c *Client) DeployKey(ctx context.Context, key string) (DeployKey, error) {
	return get[DeployKey](ctx, c, coursePath(key)+"/deploy-key")
}

// CheckOrigin tries whether the service can read a repository.
func (c *Client) CheckOrigin(ctx context.Context, in OriginCheck) (Origin, error) {
	var out Origin
	_, _, err := c.do(ctx, request{method: http.MethodPost, path: restPath + "/origins/check", body: in}, &out)
	return out, err
}

// Schema gives the JSON Schema of a kind of course files: index or exercise.
func (c *Client) Schema(ctx context.Context, kind string) (json.RawMessage, error) {
	return get[json.RawMessage](ctx, c, restPath+"/schema/"+url.PathEscape(kind))
}

// Description gives the OpenAPI document of the service.
func (c *Client) Description(ctx context.Context) (json.RawMessage, error) {
	return get[json.RawMessage](ctx, c, restPath+"/openapi.json")
}
