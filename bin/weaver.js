#!/usr/bin/env node
// Nothing is imported before the version is known: an older Node could not even read the rest.
const OLDEST = 24;

if (Number.parseInt(process.versions.node, 10) < OLDEST) {
  refuse(
    `Weaver needs Node ${OLDEST} or later, and this is ${process.versions.node}. "npx ` +
      'weaver" finds the one that "npm ci" installed.',
  );
} else {
  const { isBuilt, isStale } = await import('./build.js');
  if (!isBuilt()) {
    refuse(
      'Weaver is not built yet. Run "npm ci", or "npm run build" where the dependencies ' +
        'are installed.',
    );
  } else {
    // For whoever is changing the sources, not for programs that read what we write.
    if (process.stderr.isTTY && isStale())
      process.stderr.write('The build is older than its sources: "npm run build" renews it.\n');
    await import('../dist/src/main.js');
  }
}

function refuse(message) {
  process.stderr.write(`${message}\n`);
  process.exitCode = 1;
}
