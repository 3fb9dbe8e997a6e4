package loadgen

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// newest is the id of a course's newest build, 0 while it has none.
func (g *generator) newest(ctx context.Context, key string) (int64, error) {
	body, err := g.ask(ctx, KindREST, http.MethodGet, "/api/v1/courses/"+key+"/builds?limit=1")
	if err != nil {
		return 0, err
	}
	var list struct {
		Items []struct {
			ID int64 `json:"id"`
		} `json:"items"`
	}
	if err := json.Unmarshal(body, &list); err != nil {
		return 0, fmt.Errorf("builds of %s: %w", key, err)
	}
	if len(list.Items) == 0 {
		return 0, nil
	}
	return list.Items[0].ID, nil
}

// maxEvent bounds one line of a stream of events.
const maxEvent = 16 << 20

// events reads a stream of events until the one that ends it; first is called at
// the first one. A stream that ends without it is an error.
func (g *generator) events(res *http.Response, first func()) error {
	if res.StatusCode != http.StatusOK {
		return errors.New(res.Status)
	}
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, maxEvent)
	seen := false
	for lines.Scan() {
		name, ok := strings.CutPrefix(lines.Text(), "event: ")
		if !ok {
			continue
		}
		if !seen {
			seen = true
			first()
		}
		if name == "end" {
			return nil
		}
	}
	return errors.Join(errors.New("the stream broke off before the build's end"), lines.Err())
}

func readAll(res *http.Response) ([]byte, error) {
	body, err := io.ReadAll(res.Body)
	return body, errors.Join(err, res.Body.Close())
}
