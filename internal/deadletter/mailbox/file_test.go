package mailbox_test

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"managed-thing-updater/internal/deadletter/mailbox"
	"managed-thing-updater/internal/localcloud"
)

func TestLettersComeBackFromAFileAsTheyWere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "letters.jsonl")
	inBubble(t, true, func(r *rig) {
		r.cloud.SQS.Send(r.dlq, localcloud.Message{
			Body: "<é\t灯\u2028\"\\&>\n" + `{"Identifier":"a"}`, GroupID: "g", DedupID: "d", TraceHeader: "Root=1-5e1b4151-5ac6c58f5b6d0d2d1f7a0f3e",
			Attributes: map[string]localcloud.Attribute{
				"own": {DataType: "Binary.png", BinaryValue: []byte{0, 1, 0xff}}, "n": {DataType: "Number.int", StringValue: "7"},
				"text": {DataType: "String", StringValue: "é\t灯 <>"},
			},
		})
		r.fill(24)
		w, err := mailbox.Create(path)
		if err != nil {
			r.Fatal(err)
		}
		b := r.open()
		letters := r.all(b)
		for _, l := range letters {
			if err := w.Write(l); err != nil {
				r.Error(err)
			}
		}
		r.close(b)
		if err := w.Close(); err != nil {
			r.Error(err)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			r.Errorf("%v %v", info.Mode(), err)
		}

		f, err := mailbox.OpenFile(path)
		if err != nil {
			r.Fatal(err)
		}
		defer f.Close()
		var read []*mailbox.Letter
		for l, err := range mailbox.All(r.Context(), f) {
			if err != nil {
				r.Fatal(err)
			}
			read = append(read, l)
		}
		if len(read) != 25 || f.Letters() != 25 {
			r.Fatalf("%d letters read", len(read))
		}
		for i, l := range read {
			was := letters[i].Message
			was.SentAt, l.Message.SentAt = was.SentAt.UTC(), l.Message.SentAt.UTC()
			if !reflect.DeepEqual(l.Message, was) || l.DeduplicationID != letters[i].DeduplicationID || l.Thing != letters[i].Thing {
				r.Errorf("letter %d is\n%+v, was\n%+v", i, l.Message, was)
			}
		}
	})
}

func TestAFileThatExistsIsLeftAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "precious")
	if err := os.WriteFile(path, []byte("precious"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := mailbox.Create(path); err == nil || !strings.Contains(err.Error(), "exists already") {
		t.Errorf("%v", err)
	}
	if text, _ := os.ReadFile(path); string(text) != "precious" {
		t.Errorf("the file holds %q", text)
	}
}

func TestAllThatIsWrongInAFileIsKnownBeforeAnythingIsSent(t *testing.T) {
	good := `{"messageId":"1","sentAt":"2026-01-02T03:04:05Z","receives":1,"body":"b"}`
	for name, c := range map[string]struct{ content, want string }{
		"empty":        {"\n", "holds no letter"},
		"no JSON":      {good + "\nhello\n", ":2: "},
		"unknown":      {`{"messageId":"1","bodi":"b"}`, "bodi"},
		"no body":      {`{"messageId":"1","sentAt":"2026-01-02T03:04:05Z"}`, "body"},
		"no id":        {`{"sentAt":"2026-01-02T03:04:05Z","body":"b"}`, "messageId"},
		"no time":      {`{"messageId":"1","body":"b"}`, "sentAt"},
		"attribute":    {strings.Replace(good, `"body"`, `"attributes":{"x":{"type":"Binary","string":"7"}},"body"`, 1), "attributes: x"},
		"too large":    {strings.Replace(good, `"b"`, `"`+strings.Repeat("b", 1<<20+1)+`"`, 1), "SQS takes"},
		"several":      {"x\n" + good + "\ny\n", ":3: "},
		"half of line": {good + "\n" + good[:30], ":2: "},
	} {
		path := filepath.Join(t.TempDir(), "letters.jsonl")
		if err := os.WriteFile(path, []byte(c.content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := mailbox.OpenFile(path); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := mailbox.OpenFile(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("no file, no error")
	}
}
