import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Downloads packages of Debian and unpacks them, without installing them, into a temporary folder.
 * Gives what `read` makes of the folder, which is gone afterwards.
 */
export function readDebianPackages<T>(packages: readonly string[], read: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'weaver-debian-'));
  try {
    execFileSync('apt-get', ['-qq', 'download', ...packages], {
      cwd: folder,
      stdio: ['ignore', 'ignore', 'ignore'],
      timeout: 120_000,
    });
    for (const file of readdirSync(folder).filter(name => name.endsWith('.deb')))
      execFileSync('dpkg-deb', ['-x', file, '.'], { cwd: folder });
    return read(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
