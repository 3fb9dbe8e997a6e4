package release

import (
	"github.com/docker/go-units"

	"coursewright/internal/course"
)

// checkSize refuses a release that is too large. Files count with their length:
// what is sparse in the course would not be for those who fetch it.
func (d *Depot) checkSize(content *folder) error {
	var total, largest int64
	name := ""
	content.each("", func(path string, n *node) {
		total += min(n.stamp.size, d.bytes+1) // and no sum overflows
		if n.stamp.size > largest {
			largest, name = n.stamp.size, path
		}
		total = min(total, d.bytes+1)
	})
	if total <= d.bytes {
		return nil
	}
	return course.Authorf("the files to publish have more than %s together; the largest is %s with %s. Remove it in the build or publish less (static_dir), or ask the administrator for a higher COURSE_SIZE",
		inWords(d.bytes), shown(name), inWords(largest))
}

// each visits all files below a folder.
func (f *folder) each(path string, visit func(path string, n *node)) {
	for i := range f.nodes {
		n := &f.nodes[i]
		switch n.kind {
		case kindFile:
			visit(path+n.name, n)
		case kindFolder:
			n.folder.each(path+n.name+"/", visit)
		case kindLink, kindOther:
		}
	}
}

func inWords(bytes int64) string {
	return units.CustomSize("%.4g %s", float64(bytes), 1024, []string{"bytes", "KiB", "MiB", "GiB", "TiB"})
}
