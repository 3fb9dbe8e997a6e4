package release_test

import (
	"encoding/binary"
	"hash/crc32"
	"strings"
	"testing"

	"coursewright/internal/release"
)

// FuzzCache reads caches of digests, sealed as real ones are. What is read can
// be written and read again, and no number in it makes memory grow.
func FuzzCache(f *testing.F) {
	const device = 7
	_, empty := release.ReadCache(nil, device)
	f.Add(empty[:len(empty)-4])
	f.Add(append(append([]byte{}, empty[:16]...), strings.Repeat("\xff", 8)...))
	f.Add(append(append(append([]byte{}, empty[:16]...), 1, 0, 0, 0, 0, 0, 0, 0), make([]byte, 4*8+4+32)...))
	f.Fuzz(func(t *testing.T, body []byte) {
		sealed := binary.LittleEndian.AppendUint32(append([]byte{}, body...), crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli)))
		n, again := release.ReadCache(sealed, device)
		if n*8 > len(body) {
			t.Errorf("%d records in %d bytes", n, len(body))
		}
		if m, _ := release.ReadCache(again, device); m != n {
			t.Errorf("%d records became %d", n, m)
		}
	})
}
