import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, it } from 'vitest';
import { drawLine, drawnPdf } from '../../support/file-makers.js';

const BUILD = pathToFileURL(join(import.meta.dirname, '../../../dist/src/')).href;
const PROGRAM = `
  const { textExtractor } = await import('${BUILD}extraction/text-extractor.js');
  const { readConfig } = await import('${BUILD}config.js');
  const { createLogger } = await import('${BUILD}observability/logger.js');
  const options = { filename: 'a.pdf', log: createLogger('silent') };
  const bytes = Buffer.from(process.env.FILE, 'base64');
  const { text, format } = await textExtractor(readConfig({}).extraction)(bytes, options);
  process.stdout.write(JSON.stringify({ text, format }));
`;

it('The built gateway reads files in threads, without the sources and what compiles them', () => {
  const elsewhere = mkdtempSync(join(tmpdir(), 'weaver-'));
  try {
    const file = drawnPdf([drawLine('Seen')]).toString('base64');
    const { stdout, stderr } = spawnSync(
      process.execPath,
      ['--input-type=module', '--eval', PROGRAM],
      { cwd: elsewhere, env: { FILE: file }, encoding: 'utf8', timeout: 50_000 },
    );
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toEqual({ text: 'Seen', format: 'PDF' });
  } finally {
    rmSync(elsewhere, { recursive: true });
  }
});
