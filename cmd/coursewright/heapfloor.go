package main

import (
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// heapFloor is the size that the heap of a process that serves may have before it is
// collected. What is kept is small, so that Go's own rule, twice of it, would have the
// collector run a dozen times a second under load.
const heapFloor = 128 << 20

// usualPercent is what Go lets the heap grow by.
const usualPercent = 100

// growHeapFirst lets the heap grow to floor before it is collected; above that Go's
// rule holds. An administrator who has set GOGC has decided otherwise.
func growHeapFirst(floor uint64) {
	if os.Getenv("GOGC") == "" {
		afterEachCollection(func() { debug.SetGCPercent(gcPercent(liveHeap(), floor)) })
	}
}

// gcPercent is by how much a heap with live bytes may grow.
func gcPercent(live, floor uint64) int {
	if live == 0 || live >= floor {
		return usualPercent
	}
	return int(min(max(usualPercent, (floor-live)*100/live), math.MaxInt32))
}

// liveHeap is what the last collection left, in bytes.
func liveHeap() uint64 {
	found := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(found)
	return found[0].Value.Uint64()
}

// afterEachCollection calls do then: a value that nobody holds is found by each.
func afterEachCollection(do func()) {
	type unheld struct{ _ [16]byte } // larger than what the allocator puts together
	runtime.AddCleanup(&unheld{}, func(do func()) {
		do()
		afterEachCollection(do)
	}, do)
}
