package api

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/gin-gonic/gin"
)

// deployKeyBody is the public key that a git host must let read a course.
type deployKeyBody struct {
	PublicKey   string `json:"public_key"` // a line of an authorized_keys file
	Type        string `json:"type"`
	Fingerprint string `json:"fingerprint"` // as ssh-keygen -l shows it
}

func newDeployKeyBody(line string) (deployKeyBody, error) {
	fields := strings.Fields(line)
	if len(fields) < 2 {
		return deployKeyBody{}, fmt.Errorf("the deploy key is no line of an authorized_keys file")
	}
	blob, err := base64.StdEncoding.DecodeString(fields[1])
	if err != nil {
		return deployKeyBody{}, fmt.Errorf("the deploy key: %w", err)
	}
	sum := sha256.Sum256(blob)
	return deployKeyBody{PublicKey: line, Type: fields[0], Fingerprint: "SHA256:" + base64.RawStdEncoding.EncodeToString(sum[:])}, nil
}

// deployKey answers GET /api/v1/courses/KEY/deploy-key.
func deployKey(g *gate, line string) handler {
	return func(c *gin.Context) error {
		if _, err := g.course(c, Read, false); err != nil {
			return err
		}
		body, err := newDeployKeyBody(line)
		if err != nil {
			return err
		}
		show(c, body)
		return nil
	}
}
