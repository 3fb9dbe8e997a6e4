package api

import (
	"fmt"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"golang.org/x/sync/singleflight"
)

// boundedCache keeps the values used last, bounded in number and in bytes. It
// is safe for concurrent use.
type boundedCache[K comparable, V any] struct {
	mu       sync.Mutex
	lru      *simplelru.LRU[K, V]
	size     func(V) int // in bytes
	bytes    int
	maxBytes int
	making   singleflight.Group
	asked    func(hit bool) // hears of each question; nil: nobody does
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

// getOr gives the value that is kept, or the one that make returns, which is
// kept then. Callers that ask for the same key at the same time share one make.
func (c *boundedCache[K, V]) getOr(key K, make func() (V, error)) (V, error) {
	v, ok := c.get(key)
	c.tell(ok)
	if ok {
		return v, nil
	}
	made, err, _ := c.making.Do(fmt.Sprintf("%#v", key), func() (any, error) {
		v, err := make()
		if err == nil {
			c.add(key, v)
		}
		return v, err
	})
	v, _ = made.(V) // an interface that is nil holds no V
	return v, err
}

func (c *boundedCache[K, V]) tell(hit bool) {
	if c.asked != nil {
		c.asked(hit)
	}
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
