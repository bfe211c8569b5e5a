// Builds dist/ from the sources, if it is older than they are: `npm run build`, `npm start`, and
// after `npm ci`.
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const root = join(import.meta.dirname, '..');
const FOLDERS = ['src', 'migrations'];
const STAMP = join(root, 'dist/.tsbuildinfo');

export function isBuilt() {
  return existsSync(join(root, 'dist/src/main.js'));
}

/**
 * Whether a source is newer than the build. Without sources, as in an image that holds the build
 * alone, it never is.
 */
export function isStale() {
  if (!existsSync(join(root, 'tsconfig.build.json'))) return false;
  const built = existsSync(STAMP) ? statSync(STAMP).mtimeMs : 0;
  return (
    sources().some(file => statSync(file).mtimeMs > built) ||
    outdatedCopies().length > 0 ||
    leftovers().length > 0
  );
}

function sources() {
  return [
    ...FOLDERS.flatMap(folder => filesIn(join(root, folder), '.ts')),
    join(root, 'mikro-orm.config.ts'),
  ];
}

/**
 * Scripts for browsers need no compiler: they are served as they are. Those that are newer than
 * their copies.
 */
function outdatedCopies() {
  const scripts = filesIn(join(root, 'src'), '.js').map(source => ({
    source,
    copy: source.replace(root, join(root, 'dist')),
  }));
  return scripts.filter(
    ({ source, copy }) => !existsSync(copy) || statSync(source).mtimeMs > statSync(copy).mtimeMs,
  );
}

/** Built files whose source is gone. A migration among them would still be applied. */
function leftovers() {
  return FOLDERS.flatMap(folder =>
    filesIn(join(root, 'dist', folder), '.js').filter(file => {
      const source = file.replace(join(root, 'dist'), root);
      return !existsSync(source) && !existsSync(source.replace(/\.js$/, '.ts'));
    }),
  );
}

function filesIn(folder, extension) {
  if (!existsSync(folder)) return [];
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return files
    .filter(file => file.endsWith(extension) && !file.endsWith('.d.ts'))
    .map(file => join(folder, file));
}

/** The exit code. */
function build() {
  if (!existsSync(join(root, 'tsconfig.build.json'))) return 0;
  for (const file of leftovers())
    for (const gone of [file, `${file}.map`]) rmSync(gone, { force: true });
  if (isBuilt() && !isStale()) return 0;
  for (const { source, copy } of outdatedCopies()) {
    mkdirSync(dirname(copy), { recursive: true });
    copyFileSync(source, copy);
  }
  const compiler = compilerFile();
  if (compiler === undefined) {
    // `npm ci --omit=dev`: whoever leaves the compiler out brings the build along, or does without
    // the command line.
    process.stderr.write('TypeScript is not installed, so dist/ stays as it is.\n');
    return 0;
  }
  // Types are checked by `npm run types`; -b looks at timestamps first.
  const { status } = spawnSync(
    process.execPath,
    [compiler, '-b', 'tsconfig.build.json', '--noCheck'],
    { cwd: root, stdio: ['ignore', process.stderr, process.stderr] },
  );
  return status ?? 1;
}

function compilerFile() {
  try {
    return createRequire(import.meta.url).resolve('typescript/bin/tsc');
  } catch {
    return undefined;
  }
}

if (process.argv[1] === import.meta.filename) process.exitCode = build();
