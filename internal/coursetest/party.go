package coursetest

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/url"
	"strings"
)

// Party is a service among A+'s: its name and its key.
type Party struct {
	UID string
	Key *rsa.PrivateKey
}

// NewParty makes a service with a new key.
func NewParty(uid string) (Party, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return Party{}, fmt.Errorf("make a key for %s: %w", uid, err)
	}
	return Party{UID: uid, Key: key}, nil
}

// PrivatePEM gives the private key in PKCS#8 form.
func (p Party) PrivatePEM() (string, error) {
	der, err := x509.MarshalPKCS8PrivateKey(p.Key)
	if err != nil {
		return "", fmt.Errorf("write the key of %s: %w", p.UID, err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), nil
}

// PublicPEM gives the public key in SPKI form.
func (p Party) PublicPEM() (string, error) {
	der, err := x509.MarshalPKIXPublicKey(&p.Key.PublicKey)
	if err != nil {
		return "", fmt.Errorf("write the public key of %s: %w", p.UID, err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})), nil
}

// service is what A+ knows of another service.
type service struct {
	uid     string
	key     *rsa.PublicKey
	address string // scheme, host and perhaps path
}

// serves says whether an address belongs to the service.
func (s service) serves(u *url.URL) bool {
	own, err := url.Parse(s.address)
	if err != nil || s.address == "" || !strings.EqualFold(own.Scheme, u.Scheme) || !strings.EqualFold(own.Host, u.Host) {
		return false
	}
	return strings.HasPrefix(u.Path+"/", strings.TrimSuffix(own.Path, "/")+"/")
}
