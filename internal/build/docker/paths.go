package docker

import (
	"fmt"
	"path/filepath"
	"strings"
)

// PathMap says where the engine's host has a folder of the worker. It is needed
// when the worker itself runs in a container and the engine outside of it.
type PathMap struct {
	Worker string // absolute path as the worker sees it
	Host   string // absolute path of the same folder on the engine's host
}

// PathMaps reads the members HOST_BUILD_PATH, CONTAINER_BUILD_PATH,
// HOST_PUBLISH_PATH and CONTAINER_PUBLISH_PATH of BUILD_MODULE_SETTINGS. Other
// members are not looked at.
func PathMaps(settings map[string]any) ([]PathMap, error) {
	var maps []PathMap
	for _, of := range []string{"BUILD", "PUBLISH"} {
		host, err := pathMember(settings, "HOST_"+of+"_PATH")
		if err != nil {
			return nil, err
		}
		worker, err := pathMember(settings, "CONTAINER_"+of+"_PATH")
		if err != nil {
			return nil, err
		}
		switch {
		case host != "" && worker != "":
			maps = append(maps, PathMap{Worker: worker, Host: host})
		case host != "" || worker != "":
			return nil, fmt.Errorf("setting BUILD_MODULE_SETTINGS: HOST_%s_PATH and CONTAINER_%[1]s_PATH are needed both; give the other one as well", of)
		}
	}
	return maps, nil
}

func pathMember(settings map[string]any, name string) (string, error) {
	value, given := settings[name]
	if !given || value == nil {
		return "", nil
	}
	path, ok := value.(string)
	if !ok || (path != "" && !filepath.IsAbs(path)) {
		return "", fmt.Errorf("setting BUILD_MODULE_SETTINGS: %s is %v: give an absolute path", name, value)
	}
	if path == "" {
		return "", nil
	}
	return filepath.Clean(path), nil
}

// hostPath is where the engine's host has dir.
func (o Options) hostPath(dir string) (string, error) {
	if len(o.Paths) == 0 {
		return dir, nil
	}
	for _, m := range o.Paths {
		rest, err := filepath.Rel(m.Worker, dir)
		if err == nil && filepath.IsLocal(rest) {
			return filepath.Join(m.Host, rest), nil
		}
	}
	var known []string
	for _, m := range o.Paths {
		known = append(known, m.Worker)
	}
	return "", fmt.Errorf("working copy %s lies in none of the folders that the engine's host is known to have (%s): set CONTAINER_BUILD_PATH in BUILD_MODULE_SETTINGS to BUILD_PATH", dir, strings.Join(known, ", "))
}
