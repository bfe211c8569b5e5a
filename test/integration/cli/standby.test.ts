import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { sqlAt, weaver } from '../../support/command.js';
import {
  canStartServer,
  startStandby,
  startTlsServer,
  type TlsServer,
} from '../../support/tls-server.js';

const testable = inject('template').kind === 'postgres' && canStartServer;

describe.runIf(testable)('a standby', { timeout: 300_000 }, () => {
  let primary: TlsServer;
  let standby: Awaited<ReturnType<typeof startStandby>>;
  const urlAt = (port: number, database = 'postgres'): string =>
    `postgresql://admin:${encodeURIComponent(primary.password)}@localhost:${port}/${database}`;

  beforeAll(async () => {
    primary = await startTlsServer();
    for (const args of [
      ['db', 'up'],
      ['tenant', 'create', 'Kept'],
    ]) {
      const { code, err } = await weaver({ DATABASE_URL: urlAt(primary.port) }, args);
      if (code !== 0) throw new Error(err);
    }
    standby = await startStandby(primary);
  }, 300_000);
  afterAll(async () => {
    await standby?.close();
    await primary?.close();
  });

  test('is backed up, and the primary takes the file', async () => {
    const file = join(primary.folder, 'standby.dump');
    const { code, out, err } = await weaver({ DATABASE_URL: urlAt(standby.port) }, [
      'db',
      'backup',
      file,
    ]);
    expect({ code, out }, err).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^Wrote .*: \d+ rows in \d+ tables\.$/),
    });
    expect(err).toContain('counted in the file');
    await sqlAt(`${urlAt(primary.port)}?sslmode=disable`, 'create database restored');
    const restored = await weaver({ DATABASE_URL: urlAt(primary.port, 'restored') }, [
      'db',
      'restore',
      file,
    ]);
    expect(restored, restored.err).toMatchObject({ code: 0 });
    expect(
      await weaver({ DATABASE_URL: urlAt(primary.port, 'restored') }, ['tenant', 'list']),
    ).toMatchObject({ code: 0, out: expect.stringContaining('Kept') });
    expect(
      (await weaver({ DATABASE_URL: urlAt(primary.port, 'restored') }, ['db', 'check'])).code,
    ).toBe(0);
  });

  test('is named where something is to be written', async () => {
    const env = { DATABASE_URL: urlAt(standby.port) };
    expect(await weaver(env, ['db', 'down'])).toMatchObject({
      code: 1,
      err: expect.stringMatching(/\(SQLSTATE 25006\).* use the address of the primary\.$/),
    });
    expect(await weaver(env, ['db', 'doctor'])).toMatchObject({
      code: 1,
      out: expect.stringContaining(
        'fail  This server is a standby, which takes no writes.\n      → Lead ' +
          'DATABASE_URL to the primary.',
      ),
    });
  });
});
