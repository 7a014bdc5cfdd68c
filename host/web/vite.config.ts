import { defineConfig, type Plugin } from 'vite';

// The server puts the assets at /-/assets/ below its base path, and writes that base path into the <base> element. So the document
// refers to them relative to <base>, and the modules refer to each other relative to themselves: the same bytes serve any base path.
function assetsBelowBase(): Plugin {
  return {
    name: 'assets-below-base',
    enforce: 'post',
    generateBundle: {
      order: 'post',
      handler(_, bundle) {
        const html = bundle['index.html'];
        if (html?.type === 'asset') html.source = String(html.source).replaceAll('"./assets/', '"-/assets/');
      },
    },
  };
}

export default defineConfig({
  base: './',
  plugins: [assetsBelowBase()],
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  worker: { format: 'es' },
  build: {
    target: 'es2022',
    outDir: 'dist',
    assetsDir: 'assets',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    sourcemap: false,
  },
});
