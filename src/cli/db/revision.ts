import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { StartupError } from '../../base/startup-error.js';
import type { CommandIo } from '../command-io.js';
import { packageFolder } from '../package-folder.js';

export interface RevisionOptions {
  readonly message: string;
  readonly autogenerate?: boolean;
  readonly path?: string;
}

/**
 * `weaver db revision`: a new file of a migration, made from the sources by the command line of
 * MikroORM, since the build may be older. The entities are compared with what the migrations make,
 * in memory: no database is needed.
 */
export async function createRevision(
  io: CommandIo,
  { message, autogenerate = false, path }: RevisionOptions,
): Promise<void> {
  const root = packageFolder();
  if (!existsSync(join(root, 'mikro-orm.config.ts')))
    throw new StartupError(
      'Migrations can only be written in the source tree, which this package does not contain.',
    );
  const args = [
    'migration:create',
    '--name',
    message,
    ...(autogenerate ? [] : ['--blank']),
    ...(path === undefined ? [] : ['--path', path]),
  ];
  const out = await new Promise<string>((resolve, reject) => {
    execFile(
      process.execPath,
      [join(root, 'node_modules/@mikro-orm/cli/cli.js'), ...args],
      { cwd: root, env: io.env },
      (error, stdout, stderr) => {
        if (error) reject(new StartupError(toldOf(stderr), { cause: error }));
        else resolve(stdout);
      },
    );
  });
  const file = /^(\S+\.ts) successfully created$/m.exec(out)?.[1];
  if (file === undefined)
    return io.out('Nothing to do: the entities do not differ from the migrations.');
  io.out(`Created ${path ?? 'migrations'}/${file}`);
  io.say(
    `Next: ${autogenerate ? 'read it' : 'write its statements'}, then npm run build, npx ` +
      'weaver db lint head, npx weaver db up.',
  );
}

/** What that command line wrote: a sentence of ours, or its help with an error below it. */
function toldOf(stderr: string): string {
  const lines = stderr.trim().split('\n');
  if (!lines[0]!.startsWith('mikro-orm '))
    return lines[0] || 'No migration was made, and MikroORM does not say why.';
  const error = lines
    .map(line => /^\w*Error: (.+)$/.exec(line)?.[1])
    .find(found => found !== undefined);
  return `No migration was made: ${error ?? lines.at(-1)!}.`;
}
