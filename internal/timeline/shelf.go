package timeline

// shelf holds finished stories in the order in which they were finished, at most
// so many.
type shelf struct {
	oldest, newest *story
	n, most        int
}

// put returns the story that had to go, nil where there was room.
func (h *shelf) put(s *story) (gone *story) {
	if h.n == h.most {
		gone = h.oldest
		h.take(gone)
	}
	s.on, s.older, s.newer = h, h.newest, nil
	if h.newest == nil {
		h.oldest = s
	} else {
		h.newest.newer = s
	}
	h.newest = s
	h.n++
	return gone
}

// take takes a story off the shelf that it is on.
func (h *shelf) take(s *story) {
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
	s.on, s.older, s.newer = nil, nil, nil
	h.n--
}
