package main

import (
	"math"
	"testing"
)

func TestHeapGrowsToTheFloorFirst(t *testing.T) {
	t.Parallel()
	const mb = 1 << 20
	for _, tt := range []struct {
		live, floor uint64
		percent     int
	}{
		{0, 128 * mb, 100}, // before the first collection
		{16 * mb, 128 * mb, 700},
		{48 * mb, 128 * mb, 166},
		{100 * mb, 128 * mb, 100},
		{500 * mb, 128 * mb, 100},
		{1, math.MaxInt64, math.MaxInt32},
	} {
		if got := gcPercent(tt.live, tt.floor); got != tt.percent {
			t.Errorf("live %d, floor %d: %d", tt.live, tt.floor, got)
		}
	}
}
