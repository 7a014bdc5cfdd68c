// Rules about the sources and the build, held by reading them.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { brotliCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '..');

function files(dir: string): string[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true }).filter((f) => f.isFile()).map((f) => join(f.parentPath, f.name)).sort();
}

describe('sources', () => {
  const sources = files(join(root, 'src')).map((f) => ({ name: relative(root, f), text: readFileSync(f, 'utf8') }));
  it('make no markup out of text', () => {
    const forbidden = /innerHTML|outerHTML|insertAdjacentHTML|document\.write|dangerouslySetInnerHTML|createContextualFragment|DOMParser|srcdoc|\beval\b|new Function|setHTMLUnsafe/;
    expect(sources.filter((s) => forbidden.test(s.text)).map((s) => s.name)).toEqual([]);
  });
  it('ask nobody else for anything', () => {
    const foreign = /https?:\/\/(?!www\.w3\.org)/;
    expect(sources.filter((s) => foreign.test(s.text)).map((s) => s.name)).toEqual([]);
  });
  it('stay readable: no file of more than 450 lines', () => {
    expect(sources.filter((s) => s.text.split('\n').length > 450).map((s) => s.name)).toEqual([]);
  });
});

describe('the build', () => {
  const dist = join(root, 'dist');
  it('fits in the budget of the first load, compressed', () => {
    const sizes = files(dist).filter((f) => !/\.(br|gz)$/.test(f)).map((f) => ({ name: relative(dist, f), bytes: brotliCompressSync(readFileSync(f)).length }));
    // Of the languages, one is loaded.
    const languages = sizes.filter((s) => /^assets\/(en|zh)-/.test(s.name));
    expect(languages).toHaveLength(2);
    const later = sizes.filter((s) => /^assets\/panels-/.test(s.name));
    expect(later).toHaveLength(1);
    const rest = sizes.filter((s) => !languages.includes(s) && !later.includes(s)).reduce((n, s) => n + s.bytes, 0);
    const total = rest + Math.max(...languages.map((s) => s.bytes));
    expect(later[0].bytes).toBeLessThan(10 * 1024);
    console.log(`first load: ${total} bytes compressed`);
    expect(total).toBeLessThan(60 * 1024);
  });
  it('has no inline script or style, which the policy would refuse', () => {
    const html = readFileSync(join(dist, 'index.html'), 'utf8');
    expect(html).not.toMatch(/<style|style=|<script(?![^>]*\bsrc=)|\bon\w+=/);
    expect(html).toContain('<base href="/">');
    for (const [, path] of html.matchAll(/(?:src|href)="([^"]+)"/g)) if (path !== '/') expect(path).toMatch(/^-\/assets\/[\w.-]+$/);
  });
  it('is what the sources make, byte for byte', () => {
    const out = mkdtempSync(join(tmpdir(), 'livetail-dist-'));
    try {
      execFileSync(process.execPath, [join(root, 'node_modules/vite/bin/vite.js'), 'build', '--outDir', out, '--emptyOutDir', '--logLevel', 'error'], { cwd: root, env: { ...process.env, NODE_ENV: 'production' } });
      const fresh = files(out).map((f) => relative(out, f));
      expect(files(dist).map((f) => relative(dist, f)).filter((f) => !/\.(br|gz)$/.test(f))).toEqual(fresh);
      for (const f of fresh) expect(readFileSync(join(out, f)).equals(readFileSync(join(dist, f))), f).toBe(true);
    } finally {
      rmSync(out, { recursive: true, force: true });
    }
  }, 60_000);
});
