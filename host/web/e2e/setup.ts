// Builds the program that the journeys drive.

import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

export const BINARY = process.env.LIVETAIL ?? join(import.meta.dirname, '..', 'node_modules', '.cache', 'livetail', 'livetail');

export default function setup(): void {
  if (process.env.LIVETAIL) return;
  mkdirSync(join(BINARY, '..'), { recursive: true });
  execFileSync('go', ['build', '-o', BINARY, './host/cmd/livetail'], { cwd: join(import.meta.dirname, '..', '..', '..'), stdio: 'inherit' });
}
