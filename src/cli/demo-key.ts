import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The embedded database's demo key, which the Playground is filled with; undefined where there is
 * none.
 */
export function readDemoKey(dataDir: string): string | undefined {
  const file = fileIn(dataDir);
  return existsSync(file) ? readFileSync(file, 'utf8').trim() : undefined;
}

export function storeDemoKey(dataDir: string, key: string): void {
  writeFileSync(fileIn(dataDir), `${key}\n`, { mode: 0o600 });
}

function fileIn(dataDir: string): string {
  return join(dataDir, 'demo-api-key');
}
