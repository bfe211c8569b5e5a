import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The folder of the package, from the source tree and from the build alike. */
export function packageFolder(): string {
  let folder = import.meta.dirname;
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  return folder;
}

export function packageVersion(): string {
  return (
    JSON.parse(readFileSync(join(packageFolder(), 'package.json'), 'utf8')) as { version: string }
  ).version;
}
