package managedthings

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// maxThing is how many bytes of a thing are read: all of its members may be at
// their longest.
const maxThing = 1 << 20

// Thing is the part of GetManagedThing's answer that the worker asks for. The other
// members, some of them sensitive, are not kept.
type Thing struct {
	MetaData map[string]string // never nil
}

// GetManagedThing reads one thing. Its errors are those of UpdateManagedThing, and another
// if the answer cannot be read.
func (c *Client) GetManagedThing(ctx context.Context, identifier string) (Thing, error) {
	if identifier == "" {
		return Thing{}, errors.New("managedthings: the Identifier is empty")
	}
	connection := &connTrace{body: &deadlineBody{}}
	r := c.request(connection.watch(ctx), http.MethodGet, identifier, connection.body)
	r.Header.Del("Content-Type")
	r.Body, r.GetBody = http.NoBody, nil
	if err := c.sign(ctx, get, r, nil); err != nil {
		return Thing{}, err
	}
	answer, err := c.send(r)
	if err != nil {
		return Thing{}, transportError(ctx, get, err, connection.sent())
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return Thing{}, c.refusal(get, answer, nil)
	}
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxThing))
	if err != nil {
		return Thing{}, transportError(ctx, get, err, true)
	}
	var thing Thing
	if json.Unmarshal(body, &thing) != nil {
		// The decoder's error may quote a value.
		return Thing{}, fmt.Errorf("GetManagedThing: the answer of %d bytes is no thing", len(body))
	}
	if thing.MetaData == nil {
		thing.MetaData = map[string]string{}
	}
	return thing, nil
}
