package managedthings_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"managed-thing-updater/internal/awshttp"
	"managed-thing-updater/internal/localcloud"
	"managed-thing-updater/internal/managedthings"
	"managed-thing-updater/internal/message"
)

func TestAThingIsReadBack(t *testing.T) {
	cloud := localcloud.New(localcloud.Options{AccessKey: "AKID", SecretKey: "secret"})
	c := clientOf(t, "http://127.0.0.1:4566", awshttp.New(awshttp.Options{Transport: cloud.Transport()}))
	_, err := c.UpdateManagedThing(t.Context(), managedthings.Input{Identifier: "a:b", Members: []message.Member{
		{Name: "SerialNumber", Value: []byte(`"S-1"`)}, {Name: "MetaData", Value: []byte(`{"room":"hall","floor":"\u0031"}`)},
	}})
	if err != nil {
		t.Fatal(err)
	}
	thing, err := c.GetManagedThing(t.Context(), "a:b")
	if err != nil || len(thing.MetaData) != 2 || thing.MetaData["room"] != "hall" || thing.MetaData["floor"] != "1" {
		t.Errorf("%+v, %v", thing, err)
	}
	if thing, err = c.GetManagedThing(t.Context(), "bare"); err != nil || thing.MetaData == nil || len(thing.MetaData) > 0 {
		t.Errorf("without MetaData: %+v, %v", thing, err)
	}
	cloud.Things.Remove("gone")
	_, err = c.GetManagedThing(t.Context(), "gone")
	if api, ok := errors.AsType[*managedthings.APIError](err); !ok || api.Code != "ResourceNotFoundException" || !strings.HasPrefix(err.Error(), "GetManagedThing: ") {
		t.Errorf("a thing that is not there: %v", err)
	}
}

func TestAnAnswerThatIsNoThingIsAnError(t *testing.T) {
	for _, body := range []string{"", "<html>", `{"MetaData":{"a":{"b":"secret"}}}`, `{"MetaData":{"a`} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) }))
		_, err := clientOf(t, s.URL, nil).GetManagedThing(t.Context(), "x")
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", body, err)
		}
		s.Close()
		_, err = clientOf(t, s.URL, nil).GetManagedThing(t.Context(), "x")
		if e, ok := errors.AsType[*managedthings.TransportError](err); !ok || e.Sent || !strings.HasPrefix(err.Error(), "GetManagedThing: no connection") {
			t.Errorf("nobody there: %v", err)
		}
	}
}
