import type { Command } from 'commander';
import { readConfig } from '../config.js';
import type { CommandContext } from './command-io.js';

export function addServeCommand(program: Command, { io }: CommandContext): void {
  program
    .command('serve')
    .summary('start the gateway')
    .description(
      'Starts the gateway and serves until SIGINT or SIGTERM. Creates and migrates the ' +
        'embedded database and, outside production, adds demo data to a new one. A ' +
        'database given by DATABASE_URL is only checked: migrate it with "weaver db up".',
    )
    .addHelpText(
      'after',
      `
Environment:
  HOST, PORT               where to listen (127.0.0.1:4000)
  DATABASE_URL             PostgreSQL, as the gateway's own login
  WEAVER_OPERATOR_TOKEN    bearer token that sees all tenants
  WEAVER_WORKERS           processes that share the port, or auto
  LOG_LEVEL                silent, error, warn, info or debug
  NODE_ENV=production      refuses what is only fit for trying out
"npx weaver config example" prints every variable with its meaning and its default.

Examples:
  npx weaver serve
  PORT=8080 DATABASE_URL=postgresql://weaver:secret@db/weaver npx weaver serve`,
    )
    .action(async () => {
      const config = readConfig(io.env);
      await (await import('./serve.js')).serve(config, io);
    });
}
