package api

import (
	"fmt"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// Bounds of the cache of documents.
const (
	maxDocuments     = 256
	maxDocumentBytes = 64 << 20
)

// documentID names finished document bytes: a version never changes.
type documentID struct {
	key, version string
	source       source
	base         string
}

// documentCache keeps finished documents, bounded in number and in bytes. It
// is safe for concurrent use.
type documentCache struct {
	mu    sync.Mutex
	lru   *simplelru.LRU[documentID, []byte]
	bytes int
}

func newDocumentCache() (*documentCache, error) {
	c := &documentCache{}
	lru, err := simplelru.NewLRU(maxDocuments, func(_ documentID, body []byte) { c.bytes -= len(body) })
	if err != nil {
		return nil, fmt.Errorf("cache of documents: %w", err)
	}
	c.lru = lru
	return c, nil
}

func (c *documentCache) get(id documentID) ([]byte, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lru.Get(id)
}

func (c *documentCache) add(id documentID, body []byte) {
	if len(body) > maxDocumentBytes {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lru.Remove(id) // an entry that is replaced would not be subtracted
	c.bytes += len(body)
	c.lru.Add(id, body)
	for c.bytes > maxDocumentBytes {
		c.lru.RemoveOldest()
	}
}
