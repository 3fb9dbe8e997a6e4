package gitrepo

// Origin is what an address was taken for.
type Origin struct {
	URL, Scheme, Host, Username, Password string
	Local                                 bool
	Hide                                  func(text string) string
}

// ParseOrigin checks an address as Checkout does.
func (g *Git) ParseOrigin(raw string) (Origin, error) {
	o, err := g.parseOrigin(raw)
	return Origin{o.url, o.scheme, o.host, o.username, o.password, o.local, o.hide}, err
}

// CheckBranch checks the name of a branch as Checkout does.
func CheckBranch(branch string) error { return checkBranch(branch) }

// RewriteConfig gives what is left of the config file of a submodule, and where
// its work tree is.
func RewriteConfig(data []byte) (kept []byte, worktree string, err error) {
	f, err := decodeFacts(data)
	if err != nil {
		return nil, "", err
	}
	kept, err = f.encode()
	return kept, f.worktree, err
}

// CheckModules checks the .gitmodules of a folder against its submodules.
func CheckModules(dir string, links []string) error {
	var known []gitlink
	for _, link := range links {
		known = append(known, gitlink{path: link})
	}
	return tree{dir: dir}.checkModules(known)
}

// IndexNames reads an index as far as git may be let at it.
func IndexNames(path string) ([]string, error) {
	idx, err := readIndex(path)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range idx.Entries {
		names = append(names, e.Name)
	}
	return names, nil
}
