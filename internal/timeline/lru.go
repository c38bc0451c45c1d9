package timeline

// lru holds finished stories in the order in which they were finished, at most so many.
// Guarded by Log.mu.
type lru struct {
	oldest, newest *story
	n, most        int
}

// put adds a story, and returns the one that had to go; nil if there was room.
func (h *lru) put(s *story) (gone *story) {
	if h.n == h.most {
		gone = h.oldest
		h.take(gone)
	}
	s.in, s.older, s.newer = h, h.newest, nil
	if h.newest == nil {
		h.oldest = s
	} else {
		h.newest.newer = s
	}
	h.newest = s
	h.n++
	return gone
}

// take takes out a story that h holds.
func (h *lru) take(s *story) {
	if s.older == nil {
		h.oldest = s.newer
	} else {
		s.older.newer = s.newer
	}
	if s.newer == nil {
		h.newest = s.older
	} else {
		s.newer.older = s.older
	}
	s.in, s.older, s.newer = nil, nil, nil
	h.n--
}
