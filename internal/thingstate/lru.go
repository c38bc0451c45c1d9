package thingstate

// lruList has a Memory's entries in the order of their use. The entries are its links:
// an element of container/list takes 48 bytes a thing more. The zero value is empty.
type lruList struct{ newest, oldest *memoryEntry }

func (l *lruList) pushNewest(e *memoryEntry) {
	e.newer, e.older = nil, l.newest
	if l.newest == nil {
		l.oldest = e
	} else {
		l.newest.newer = e
	}
	l.newest = e
}

func (l *lruList) remove(e *memoryEntry) {
	if e.newer == nil {
		l.newest = e.older
	} else {
		e.newer.older = e.older
	}
	if e.older == nil {
		l.oldest = e.newer
	} else {
		e.older.newer = e.newer
	}
	e.newer, e.older = nil, nil
}

func (l *lruList) moveToNewest(e *memoryEntry) {
	if l.newest != e {
		l.remove(e)
		l.pushNewest(e)
	}
}
