import type { Command } from 'commander';
import { readConfig } from '../config.js';
import type { CommandContext } from './command-io.js';

export function addWorkCommand(program: Command, { io }: CommandContext): void {
  program
    .command('work')
    .summary('process uploaded files, without serving')
    .description(
      'Processes uploaded files in the background until SIGINT or SIGTERM, for as many gateways ' +
        'as use the database, and serves nothing but /health and /metrics. Run as many as are ' +
        'needed; one that ends at any moment loses nothing. Requires DATABASE_URL: the embedded ' +
        'database is opened by one process, so the gateway itself processes files there.',
    )
    .addHelpText(
      'after',
      `
Environment:
  DATABASE_URL              PostgreSQL, as the gateway's own login
  WEAVER_WORK_CONCURRENCY   files at the same time, each of another tenant (2)
  HOST, PORT                where /health and /metrics are (127.0.0.1:4000)
  EMBEDDING_PROVIDER        hashing or openai, and beside it EMBEDDING_BASE_URL, EMBEDDING_MODEL,
                            EMBEDDING_API_KEY

Examples:
  PORT=4001 npx weaver work
  PORT=0 WEAVER_WORK_CONCURRENCY=4 npx weaver work`,
    )
    .action(async () => {
      const config = readConfig(io.env);
      await (await import('./work.js')).work(config, io);
    });
}
