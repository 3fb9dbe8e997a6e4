package pyvalue

// slab hands out pieces of larger allocations, which are cheaper than many
// small ones.
type slab[T any] struct {
	chunk []T // what of it is in use is its length
}

// The first chunk is small, since many files are; the next ones double.
const (
	firstChunk = 32
	lastChunk  = 512
)

// take gives n zero values that nobody else has.
func (s *slab[T]) take(n int) []T {
	if n > cap(s.chunk)-len(s.chunk) {
		if n > lastChunk/4 {
			return make([]T, n)
		}
		s.chunk = make([]T, 0, max(n, firstChunk, min(2*cap(s.chunk), lastChunk)))
	}
	at := len(s.chunk)
	s.chunk = s.chunk[:at+n]
	return s.chunk[at : at+n : at+n]
}

// one gives a single zero value.
func (s *slab[T]) one() *T { return &s.take(1)[0] }

// keep moves the items from the given place on out of a growing list.
func (s *slab[T]) keep(list *[]T, from int) []T {
	items := (*list)[from:]
	if len(items) == 0 {
		return nil
	}
	out := s.take(len(items))
	copy(out, items)
	clear(items)
	*list = (*list)[:from]
	return out
}

// reuse takes back everything of the present chunk. Nobody may use it any more.
func (s *slab[T]) reuse() {
	clear(s.chunk)
	s.chunk = s.chunk[:0]
}
