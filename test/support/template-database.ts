import 'reflect-metadata';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PGlite } from '@electric-sql/pglite';
import type { PgliteConnection } from '@mikro-orm/pglite';
import { Client } from 'pg';
import type { TestProject } from 'vitest/node';
import { Database } from '../../src/db/database.js';
import { IN_MEMORY } from '../../src/db/open/database-options.js';
import { applyMigrations } from '../../src/ops/migrations/run.js';
import { ENTITIES } from '../../src/entities.js';
import { postgresAt } from './postgres-at.js';

/** What test files clone their own database from. */
export type Template =
  | { readonly kind: 'embedded'; readonly imageFile: string }
  | {
      readonly kind: 'postgres';
      readonly adminUrl: string;
      readonly database: string;
      /**
       * A login as `weaver db bootstrap` makes it: NOINHERIT, member of both roles, owner of
       * nothing.
       */
      readonly login: string;
      readonly password: string;
    };

declare module 'vitest' {
  interface ProvidedContext {
    template: Template;
  }
}

/** Migrates one database for the whole run; every test file gets a copy of it. */
export default async function prepareTemplate(project: TestProject): Promise<() => Promise<void>> {
  const adminUrl = process.env.TEST_DATABASE_URL;
  const { template, remove } = adminUrl
    ? await postgresTemplate(adminUrl)
    : await embeddedTemplate();
  project.provide('template', template);
  return remove;
}

async function embeddedTemplate(): Promise<{ template: Template; remove: () => Promise<void> }> {
  const folder = mkdtempSync(join(tmpdir(), 'weaver-test-'));
  const imageFile = join(folder, 'image.tar');
  const database = await Database.open({ kind: 'embedded', dataDir: IN_MEMORY }, ENTITIES);
  await applyMigrations(database);
  const pglite = (await (
    database.orm.em.getDriver().getConnection() as PgliteConnection
  ).getNativeClient()) as PGlite;
  writeFileSync(imageFile, Buffer.from(await (await pglite.dumpDataDir('none')).arrayBuffer()));
  await database.close();
  return {
    template: { kind: 'embedded', imageFile },
    remove: async () => rmSync(folder, { recursive: true, force: true }),
  };
}

async function postgresTemplate(
  adminUrl: string,
): Promise<{ template: Template; remove: () => Promise<void> }> {
  const run = `${process.pid}_${Date.now().toString(36)}`;
  const name = `weaver_template_${run}`;
  const login = `weaver_test_${run}`;
  const password = `secret_${run}`;
  const admin = new Client({ connectionString: adminUrl });
  await admin.connect();
  await admin.query(`create database ${name}`);
  const url = databaseUrl(adminUrl, name);
  const database = await Database.open(postgresAt(url, { poolSize: 2 }), ENTITIES, 'migrate');
  await applyMigrations(database);
  await database.close();
  await admin.query(`create role ${login} login noinherit password '${password}'`);
  await admin.query(`grant weaver_tenant, weaver_operator to ${login}`);
  return {
    template: { kind: 'postgres', adminUrl, database: name, login, password },
    async remove() {
      await admin.query(`drop database if exists ${name} with (force)`);
      await admin.query(`drop role if exists ${login}`);
      await admin.end();
    },
  };
}

/** `url` with another database, and where given another login. */
export function databaseUrl(
  url: string,
  database: string,
  login?: { user: string; password: string },
): string {
  const changed = new URL(url);
  changed.pathname = `/${database}`;
  if (login) {
    changed.username = login.user;
    changed.password = login.password;
  }
  return changed.href;
}
