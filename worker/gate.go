package worker

import (
	"context"

	sdkworker "go.temporal.io/sdk/worker"
)

// gate lets a build host ask the shared queue for builds while it takes some
// and has a slot. Await gives a permit to ask, Asked ends it.
type gate interface {
	Await(ctx context.Context) error
	Asked()
}

// gateTuner makes a worker ask for activities only when the gate gives leave.
// Nothing else runs on such a worker; the SDK wants suppliers for it all the
// same.
func gateTuner(g gate) (sdkworker.WorkerTuner, error) {
	other, err := sdkworker.NewFixedSizeSlotSupplier(1)
	if err != nil {
		return nil, err
	}
	return sdkworker.NewCompositeTuner(sdkworker.CompositeTunerOptions{
		WorkflowSlotSupplier:        other,
		ActivitySlotSupplier:        gateSupplier{g},
		LocalActivitySlotSupplier:   other,
		NexusSlotSupplier:           other,
		SessionActivitySlotSupplier: other,
	})
}

// gateSupplier is the gate as the SDK asks it. A permit counts from the poll to
// its answer; what came then is counted by the host's slots.
type gateSupplier struct{ gate gate }

// permit is on a SlotPermit until its task has come.
type permit struct{ asked bool }

// ReserveSlot waits for a permit.
func (s gateSupplier) ReserveSlot(ctx context.Context, _ sdkworker.SlotReservationInfo) (*sdkworker.SlotPermit, error) {
	if err := s.gate.Await(ctx); err != nil {
		return nil, err
	}
	return &sdkworker.SlotPermit{UserData: &permit{}}, nil
}

// TryReserveSlot serves eager activities, of which this queue has none.
func (s gateSupplier) TryReserveSlot(sdkworker.SlotReservationInfo) *sdkworker.SlotPermit { return nil }

// MarkSlotUsed ends the permit: a build has come.
func (s gateSupplier) MarkSlotUsed(info sdkworker.SlotMarkUsedInfo) { s.end(info.Permit()) }

// ReleaseSlot ends the permit when none came.
func (s gateSupplier) ReleaseSlot(info sdkworker.SlotReleaseInfo) { s.end(info.Permit()) }

func (s gateSupplier) end(p *sdkworker.SlotPermit) {
	if of, ok := p.UserData.(*permit); ok && !of.asked {
		of.asked = true
		s.gate.Asked()
	}
}

// MaxSlots is unknown: other queues of the host use the slots too.
func (s gateSupplier) MaxSlots() int { return 0 }
