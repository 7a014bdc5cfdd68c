import { describe, expect, it } from 'vitest';
import { BOLD, INVERSE, applySgr, cssColour, parseAnsi } from '../src/text/ansi';

const text = (line: string) => parseAnsi(line, null).segments.map((s) => s.text).join('');

describe('parseAnsi', () => {
  it('keeps colours as styles of segments', () => {
    const { segments, state } = parseAnsi('a \x1b[1;31mred\x1b[0m b', null);
    expect(segments).toEqual([{ text: 'a ', style: null }, { text: 'red', style: { fg: 1, bg: -1, flags: BOLD } }, { text: ' b', style: null }]);
    expect(state).toBeNull();
  });
  it('carries a colour that is not reset', () => {
    const { state } = parseAnsi('\x1b[38;5;208mx', null);
    expect(state).toEqual({ fg: 208, bg: -1, flags: 0 });
    expect(parseAnsi('y', state).segments).toEqual([{ text: 'y', style: state }]);
  });
  it('reads 24-bit colours with semicolons and with colons', () => {
    const rgb = 0x1000000 | 0x010203;
    expect(applySgr(null, '38;2;1;2;3')?.fg).toBe(rgb);
    expect(applySgr(null, '38:2::1:2:3')?.fg).toBe(rgb);
    expect(cssColour(rgb)).toBe('rgb(1 2 3)');
  });
  it.each([
    ['cursor and screen', '\x1b[2J\x1b[1;1Ha\x1b[?25lb', 'ab'],
    ['window title', '\x1b]0;evil\x07a', 'a'],
    ['hyperlink, of which the text stays', '\x1b]8;;javascript:alert(1)\x1b\\click\x1b]8;;\x1b\\', 'click'],
    ['clipboard', '\x1b]52;c;ZXZpbA==\x07a', 'a'],
    ['device control', '\x1bPq#0\x1b\\a', 'a'],
    ['charset', '\x1b(0a', 'a'],
    ['8-bit controls', '\x9b31ma\x9d0;t\x07b', 'ab'],
  ])('removes other sequences with their payload: %s', (_, line, want) => expect(text(line)).toBe(want));
  it('shows control characters and what reorders text', () => {
    expect(text('a\x00b\rc\x07')).toBe('a␀b␍c␇');
    expect(text('a\u202eb\u2066c')).toBe('a⟦U+202E⟧b⟦U+2066⟧c');
    expect(text('a\u2028b')).toBe('a⟦U+2028⟧b');
  });
  it('hides nothing behind a sequence that does not end', () => {
    expect(text('\x1b]0;never ends')).toBe('␛]0;never ends');
    expect(text('\x1b[31')).toBe('␛[31');
    expect(text('\x1b')).toBe('␛');
  });
  it('leaves tabs, emoji and 中文 alone', () => expect(text('\t你好 👩‍💻')).toBe('\t你好 👩‍💻'));
  it('takes time in proportion to the length', () => {
    const start = performance.now(); // generous: the machine may be busy, and quadratic would take hours
    for (const unit of ['\x1b]', '\x1b[', '\x1b[31m', '\x00', '\x9d', 'a']) parseAnsi(unit.repeat((1 << 17) / unit.length), null);
    expect(performance.now() - start).toBeLessThan(4_000);
  });
  it('inverts and resets one by one', () => {
    expect(applySgr({ fg: 1, bg: 2, flags: INVERSE }, '27;39')).toEqual({ fg: -1, bg: 2, flags: 0 });
    expect(applySgr({ fg: 1, bg: 2, flags: 0 }, '')).toBeNull();
  });
});
