// Writes .gz and .br beside each text asset, so that the server can send them as they are. The same bytes in, the same bytes out.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const dir = new URL('../dist/assets/', import.meta.url);
for (const name of readdirSync(dir)) {
  if (!/\.(js|css|svg)$/.test(name)) continue;
  const body = readFileSync(new URL(name, dir));
  writeFileSync(new URL(`${name}.gz`, dir), gzipSync(body, { level: 9 }));
  writeFileSync(new URL(`${name}.br`, dir), brotliCompressSync(body, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: body.length } }));
}
