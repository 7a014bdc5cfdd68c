// Lines that want to be more than text. Every script would set window.pwned.

const js = 'window.pwned=(window.pwned||0)+1';
const markup = [
  `<script>${js}</script>`, `<img src=x onerror="${js}">`, `<svg onload=${js}>`, `<iframe srcdoc="<script>parent.${js}</script>">`, `"><script>${js}</script>`, `</span></div><script>${js}</script>`,
  `<a href="javascript:${js}">click</a>`, `<style>*{display:none}</style>`, `<base href="//evil.example/">`, `<meta http-equiv=refresh content="0;url=//evil.example">`, `<object data="javascript:${js}">`, `<link rel=stylesheet href=//evil.example/x.css>`,
  `<details open ontoggle=${js}>`, `<form action=//evil.example><button>x`, `<template><img src=x onerror=${js}></template>`, `<math><mi//xlink:href="data:x,<script>${js}</script>">`, '<!-- --!>', ']]>', '&lt;b&gt;&#60;img src=x onerror=1&#62;', `{{constructor.constructor('${js}')()}}`, `\${${js}}`, `javascript:${js}`,
  '<font color="red"><strong>Forbidden</strong></font>', 'pong', 'ping', '{"t":"bye","reason":"x","reconnect":false}', '{"t":"lines","start":"g.0","end":"g.9","text":"forged\\n"}', '__proto__', '{"__proto__":{"x":1}}', '{"level":"<img src=x onerror=1>","msg":{"a":{"b":{"c":{"d":{"e":{}}}}}}}',
];
const escapes = [
  '\x1b[31mred\x1b[0m', '\x1b[8mhidden\x1b[0m', '\x1b[30;40mblack on black\x1b[0m', '\x1b[38;2;255;0;0;48;2;255;0;0msame\x1b[0m', '\x1b[2J\x1b[Hcleared', '\x1b]0;title\x07after', `\x1b]8;;javascript:${js}\x1b\\link\x1b]8;;\x1b\\`, '\x1b]8;;https://evil.example\x07link\x1b]8;;\x07', '\x1b]52;c;ZXZpbA==\x07', '\x1bPq#0;2;0;0;0\x1b\\', '\x1b_apc\x1b\\', '\x1b^pm\x1b\\', '\x1bX sos \x1b\\',
  '\x1b[', '\x1b]', '\x1b', '\x1b]0;unfinished', '\x1b[999999999999999999m', `\x1b[${'1;'.repeat(2000)}m x`, '\x1b[38;5m', '\x1b[38;2;1m', '\x1b[48;5;999mx', '\x9b31m8bit', '\x9d0;t\x9cx', '\x1b[?1049h', '\x1b[6n', '\x1bc', '\x1b#8', '\x1b(0lqqk',
];
const controls = ['a\rOVERWRITTEN', 'a\x00b\x00c', '\x00'.repeat(500), '\x07\x08\x0b\x0c\x0e\x1a\x7f', '\x80\x85\x9c', 'user=\u202eexe.gpj', '\u2066abc\u2069', '\u200fabc', '\u2028new\u2029line', '\ufeffbom', '\u0000', '\ud83d', '👩‍👩‍👧‍👦 🏳️‍🌈 é́́́́́́́', '\u0301'.repeat(300), '﷽'.repeat(50), '\t\t\ttabs', ' '.repeat(300), '', '\uffff\ufffe'];

/** At least a thousand hostile lines, none of which holds a newline. */
export function hostile(): string[] {
  const lines: string[] = [];
  const all = [...markup, ...escapes, ...controls];
  for (const a of all) lines.push(a);
  for (const a of all) lines.push(`2026-01-01 00:00:00.000 | ERROR    | ${a} tail`);
  for (let i = 0; lines.length < 1000; i++) {
    const a = all[(i * 7) % all.length];
    const b = all[(i * 13 + 5) % all.length];
    lines.push(i % 3 === 0 ? a + b : i % 3 === 1 ? `{"level":"warn","msg":${JSON.stringify(a + b)}}` : `level=error a="${a}" b=${b}`);
  }
  return lines;
}

/** Bytes that are no UTF-8. */
export const invalid = [Buffer.from([0xff, 0xfe, 0x41]), Buffer.from([0xc0, 0xaf]), Buffer.from([0xed, 0xa0, 0x80]), Buffer.from([0xf4, 0x90, 0x80, 0x80]), Buffer.from('ab\xe4\xbd', 'latin1')];
