package gitrepo

import (
	"cmp"
	"context"
	"slices"
	"strings"
)

// Branches asks the repository at origin for its branches and gives their
// names, sorted, with the commits they point to. Errors are as Checkout's.
func (g *Git) Branches(ctx context.Context, originAddress string) (map[string]string, error) {
	o, err := g.parseOrigin(originAddress)
	if err != nil {
		return nil, err
	}
	ctx, cancel := g.limit(ctx)
	defer cancel()
	s := g.newSession(o, nil)
	heads, err := s.lsRemote(ctx)
	if err != nil {
		return nil, s.explain(ctx, "", err)
	}
	return heads, nil
}

func (s *session) branches(ctx context.Context) ([]string, error) {
	heads, err := s.lsRemote(ctx)
	names := make([]string, 0, len(heads))
	for name := range heads {
		names = append(names, name)
	}
	return names, err
}

// noRepository is a folder in which no config of a repository counts: only the system
// makes files there. A temporary one would outlive a process that is killed.
const noRepository = "/dev"

func (s *session) lsRemote(ctx context.Context) (map[string]string, error) {
	args := append([]string{"ls-remote", "--heads"}, s.localOptions()...)
	out, err := s.output(ctx, noRepository, append(args, "--", s.origin.url)...)
	if err != nil {
		return nil, err
	}
	heads := make(map[string]string)
	for line := range strings.Lines(out) {
		hash, ref, _ := strings.Cut(strings.TrimSpace(line), "\t")
		if name, ok := strings.CutPrefix(ref, "refs/heads/"); ok {
			heads[name] = hash
		}
	}
	return heads, nil
}

// nearest gives the n names that differ least from name.
func nearest(name string, names []string, n int) []string {
	sorted := slices.Clone(names)
	slices.SortFunc(sorted, func(a, b string) int {
		return cmp.Or(cmp.Compare(distance(name, a), distance(name, b)), cmp.Compare(a, b))
	})
	return sorted[:min(n, len(sorted))]
}

// distance is Levenshtein's, in bytes and without regard to case.
func distance(a, b string) int {
	a, b = strings.ToLower(a), strings.ToLower(b)
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
