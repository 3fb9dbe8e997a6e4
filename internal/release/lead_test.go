package release_test

import "testing"

func TestOneLeads(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	first, second := p.open(t), p.open(t)
	stop, ok, err := first.Lead()
	if err != nil || !ok {
		t.Fatalf("the first: %v, %v", ok, err)
	}
	if _, ok, err := second.Lead(); ok || err != nil {
		t.Errorf("beside the first: %v, %v", ok, err)
	}
	stop()
	stop, ok, err = second.Lead()
	if err != nil || !ok {
		t.Fatalf("after the first: %v, %v", ok, err)
	}
	stop()
	if _, _, err := p.open(t, storeAlone).Lead(); err == nil {
		t.Error("a process without the publish folder leads")
	}
}
