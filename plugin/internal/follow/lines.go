package follow

import (
	"bytes"
	"unicode/utf8"

	"github.com/livetail/livetail/plugin/tail"
)

// cut says how many bytes at the beginning of data can be handed out, and as what: as many whole lines as there are, or a piece of a
// line that is longer than [tail.MaxPiece]. long says that data begins inside such a line. It returns 0 if more has to be read first.
//
// It looks for the last newline of each stretch in which there has to be one, not at each line, so its cost hardly depends on the data.
func cut(data []byte, long bool) (n int, piece tail.Piece) {
	if long {
		window := data[:min(len(data), tail.MaxPiece)]
		if i := bytes.IndexByte(window, '\n'); i >= 0 {
			return i + 1, tail.PieceLast
		}
		if len(window) == tail.MaxPiece {
			return wholeRunes(window), tail.PieceMiddle
		}
		return 0, tail.PieceNone
	}
	for n < len(data) {
		window := data[n:min(len(data), n+tail.MaxPiece)]
		i := bytes.LastIndexByte(window, '\n')
		if i >= 0 {
			n += i + 1
			continue
		}
		if n == 0 && len(window) == tail.MaxPiece {
			return wholeRunes(window), tail.PieceFirst
		}
		break
	}
	return n, tail.PieceNone
}

// wholeRunes is the length of data without a character at its end that is not complete.
func wholeRunes(data []byte) int {
	for i := 1; i < utf8.UTFMax && i < len(data); i++ {
		if tail := data[len(data)-i:]; utf8.RuneStart(tail[0]) {
			if !utf8.FullRune(tail) {
				return len(data) - i
			}
			break
		}
	}
	return len(data)
}

// nth returns the length of data up to and including its nth newline, and how many newlines that are; all of data if there are fewer.
func nth(data []byte, n int) (length, found int) {
	for found < n {
		i := bytes.IndexByte(data[length:], '\n')
		if i < 0 {
			return len(data), found
		}
		length += i + 1
		found++
	}
	return length, found
}
