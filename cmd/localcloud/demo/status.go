package main

// status is the part of the worker's /status that the demo shows.
type status struct {
	State    string `json:"state"`
	Messages struct {
		Held     int            `json:"held"`
		Outcomes map[string]int `json:"outcomes"`
	} `json:"messages"`
	Calls struct {
		ByResult map[string]int `json:"by_result"`
	} `json:"calls"`
	Pace struct {
		Rate float64 `json:"rate"`
	} `json:"pace"`
	Backlog struct {
		Things        int     `json:"things"`
		OldestSeconds float64 `json:"oldest_seconds"`
	} `json:"backlog"`
}

func (s status) calls() (n int) {
	for _, of := range s.Calls.ByResult {
		n += of
	}
	return n
}
