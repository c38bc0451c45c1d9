package statusline

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"sync"
	"unicode/utf8"

	"golang.org/x/term"
)

// Board keeps a few lines at the end of a terminal, below all that is written
// through it. Safe for use by many goroutines.
type Board struct {
	width func() int // columns of the terminal

	mu    sync.Mutex
	out   io.Writer
	lines []string
	drawn int // lines that stand on the terminal
}

// OnTerminal makes a board if screen is a terminal that can do more than print; ok
// is false if it is not. The board writes through out, which leads to that terminal.
// colour says whether colours are wanted (https://no-color.org).
func OnTerminal(screen, out io.Writer) (b *Board, colour, ok bool) {
	file, isFile := screen.(*os.File)
	if !isFile || !term.IsTerminal(int(file.Fd())) || os.Getenv("TERM") == "dumb" || os.Getenv("TERM") == "" {
		return nil, false, false
	}
	width := func() int {
		if w, _, err := term.GetSize(int(file.Fd())); err == nil && w > 0 {
			return w
		}
		return 80
	}
	return NewBoard(out, width), os.Getenv("NO_COLOR") == "", true
}

// NewBoard makes a board without lines. width is asked before each drawing.
func NewBoard(out io.Writer, width func() int) *Board { return &Board{out: out, width: width} }

// Write writes whole lines above the board's own.
func (b *Board) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var all bytes.Buffer
	b.erase(&all)
	all.Write(p)
	b.draw(&all)
	if _, err := b.out.Write(all.Bytes()); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Show replaces the board's lines; none takes it away.
func (b *Board) Show(lines ...string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var all bytes.Buffer
	b.erase(&all)
	b.lines = lines
	b.draw(&all)
	_, _ = b.out.Write(all.Bytes()) // a terminal that is gone shows nothing
}

// erase goes back to where the board's lines begin and clears what stands there.
// Sequences of ECMA-48: CUU and ED.
func (b *Board) erase(to *bytes.Buffer) {
	if b.drawn > 0 {
		fmt.Fprintf(to, "\x1b[%dA\r\x1b[J", b.drawn)
	}
	b.drawn = 0
}

func (b *Board) draw(to *bytes.Buffer) {
	width := b.width()
	for _, line := range b.lines {
		to.WriteString(clip(line, width-1))
		to.WriteByte('\n')
	}
	b.drawn = len(b.lines)
}

// clip cuts a line to a number of columns, so that it never wraps: escape sequences
// take none and are all kept, any other character takes one.
func clip(line string, columns int) string {
	var out []byte
	inEscape, used := false, 0
	for i, r := range line {
		switch {
		case inEscape:
			inEscape = r < '@' || r > '~' || r == '['
		case r == '\x1b':
			inEscape = true
		case used >= columns:
			continue
		default:
			used++
		}
		_, size := utf8.DecodeRuneInString(line[i:])
		out = append(out, line[i:i+size]...)
	}
	return string(out)
}
