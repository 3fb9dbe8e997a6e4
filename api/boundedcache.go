package api

import (
	"fmt"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// boundedCache keeps the values used last, bounded in number and in bytes. It
// is safe for concurrent use.
type boundedCache[K comparable, V any] struct {
	mu       sync.Mutex
	lru      *simplelru.LRU[K, V]
	size     func(V) int // in bytes
	bytes    int
	maxBytes int
}

func newBoundedCache[K comparable, V any](maxItems, maxBytes int, size func(V) int) (*boundedCache[K, V], error) {
	c := &boundedCache[K, V]{size: size, maxBytes: maxBytes}
	lru, err := simplelru.NewLRU(maxItems, func(_ K, v V) { c.bytes -= size(v) })
	if err != nil {
		return nil, fmt.Errorf("cache of %d items: %w", maxItems, err)
	}
	c.lru = lru
	return c, nil
}

func (c *boundedCache[K, V]) get(key K) (V, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lru.Get(key)
}

// add keeps a value, unless it alone is larger than the bound.
func (c *boundedCache[K, V]) add(key K, v V) {
	n := c.size(v)
	if n > c.maxBytes {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lru.Remove(key) // an entry that is replaced would not be subtracted
	c.bytes += n
	c.lru.Add(key, v)
	for c.bytes > c.maxBytes {
		c.lru.RemoveOldest()
	}
}
