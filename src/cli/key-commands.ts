import { InvalidArgumentError, Option, type Command } from 'commander';
import {
  controlCharacterIn,
  hasVisibleCharacter,
  withoutMark,
} from '../base/control-characters.js';
import { readConfig } from '../config.js';
import type { CommandContext } from './command-io.js';
import type { NewKeyOptions } from './create-key.js';
import { USING_DATABASE } from './help-texts.js';
import { wholeNumber } from './whole-number.js';

const SCOPES = ['read', 'write', 'search', 'ask', 'admin', 'vectors'];
const MAX_RATE_LIMIT = 1_000_000;
const MAX_NAME_LENGTH = 255;
const DAY_MS = 86_400_000;
const MAX_OVERLAP_HOURS = 720;
const MAX_DAYS = 36_500;

export function addKeyCommands(program: Command, { io }: CommandContext): void {
  const group = program
    .command('key')
    .summary('API keys')
    .description('API keys, with which programs act for a tenant.');
  group
    .command('create')
    .summary('create a key and print its secret')
    .description(
      'Creates an API key. Prints only its secret on standard output; it is shown once, ' +
        'and only its digest is stored.',
    )
    .addOption(
      new Option('--tenant <tenant>', "the tenant's id, or its exact name")
        .makeOptionMandatory()
        .argParser(filled),
    )
    .addOption(
      new Option('--name <name>', `what the key is for, 1 to ${MAX_NAME_LENGTH} characters`)
        .makeOptionMandatory()
        .argParser(parseName),
    )
    .addOption(
      new Option('--scopes <scopes>', `its scopes: ${SCOPES.join(', ')}`)
        .argParser(parseScopes)
        .default(['read', 'search'], 'read,search'),
    )
    .addOption(
      new Option('--rate-limit <requests>', 'requests a minute')
        .argParser(wholeNumber(1, MAX_RATE_LIMIT))
        .default(60),
    )
    .addOption(
      new Option(
        '--expires <when>',
        'days from now, or a date such as 2027-01-31 (not given: never)',
      ).argParser(parseExpiry),
    )
    .addHelpText(
      'after',
      `${USING_DATABASE}

Examples:
  npx weaver key create --tenant "Harbor Outdoor" --name "My app" --scopes read,search
  KEY=$(npx weaver key create --tenant 018f… --name nightly --expires 30)`,
    )
    .action(async (options: NewKeyOptions) => {
      const config = readConfig(io.env);
      await (await import('./create-key.js')).createKey(config, io, options);
    });
  group
    .command('list')
    .summary('list the keys of a tenant')
    .description(
      'Lists the API keys of a tenant, including revoked and expired ones, oldest first. ' +
        'Secrets cannot be shown again. While the secret from before a rotation is valid, ' +
        'its prefix and its expiry are shown beside the key.',
    )
    .addOption(
      new Option('--tenant <tenant>', "the tenant's id, or its exact name")
        .makeOptionMandatory()
        .argParser(filled),
    )
    .option('--json', 'one JSON object a line, for programs')
    .addHelpText(
      'after',
      `${USING_DATABASE}\n\nExamples:\n  npx weaver key list --tenant "Harbor Outdoor"`,
    )
    .action(async (options: { tenant: string; json?: boolean }) => {
      await (await import('./manage-keys.js')).listKeys(readConfig(io.env), io, options);
    });
  group
    .command('revoke <key>')
    .summary('revoke a key permanently')
    .description(
      'Revokes an API key permanently, by its id or its prefix: every gateway refuses ' +
        'the next request with it. The prefix of the secret from before a rotation revokes ' +
        'only that secret; the new one continues to work.',
    )
    .addHelpText('after', `${USING_DATABASE}\n\nExamples:\n  npx weaver key revoke wvr_Ab3dE5gH`)
    .action(async (key: string) => {
      await (await import('./manage-keys.js')).revokeKeyCommand(readConfig(io.env), io, key);
    });
  group
    .command('rotate <key>')
    .summary('give a key a new secret and print it')
    .description(
      'Gives an API key, named by its id or its prefix, a new secret. Prints only the ' +
        'new secret on standard output; it is shown once.',
    )
    .addOption(
      new Option(
        '--overlap <hours>',
        `for how many hours the old secret continues to work, 0 to ${MAX_OVERLAP_HOURS}`,
      )
        .argParser(wholeNumber(0, MAX_OVERLAP_HOURS, 'hours'))
        .default(24),
    )
    .addHelpText(
      'after',
      `${USING_DATABASE}\n\nExamples:\n  KEY=$(npx weaver key rotate wvr_Ab3dE5gH --overlap 48)`,
    )
    .action(async (key: string, options: { overlap: number }) => {
      await (
        await import('./manage-keys.js')
      ).rotateKeyCommand(readConfig(io.env), io, key, options.overlap);
    });
}

function filled(value: string): string {
  if (!hasVisibleCharacter(value)) throw new InvalidArgumentError('It has no visible character.');
  return value;
}

function parseName(given: string): string {
  const value = filled(withoutMark(given));
  if ([...value].length > MAX_NAME_LENGTH)
    throw new InvalidArgumentError(`It has more than ${MAX_NAME_LENGTH} characters.`);
  const found = controlCharacterIn(value);
  if (found) throw new InvalidArgumentError(`It contains the control character ${found}.`);
  return value;
}

function parseScopes(value: string): string[] {
  const scopes = [...new Set(value.split(',').map(scope => scope.trim().toLowerCase()))];
  const unknown = scopes.filter(scope => !SCOPES.includes(scope));
  if (unknown.length > 0)
    throw new InvalidArgumentError(
      `There is no scope "${unknown.join('", "')}": give one or more of ` +
        `${SCOPES.join(', ')}, separated by commas.`,
    );
  return scopes;
}

const ISO_DATE = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d))?$/;

function parseExpiry(value: string): Date {
  if (/^\d+$/.test(value))
    return new Date(Date.now() + wholeNumber(1, MAX_DAYS, 'days')(value) * DAY_MS);
  const date = new Date(value);
  // The parser takes 31 February for a day in March.
  if (!ISO_DATE.test(value) || Number.isNaN(date.getTime()) || !isCalendarDay(value)) {
    throw new InvalidArgumentError(
      'Give days from now, a date such as 2027-01-31, or a time such as 2027-01-31T12:00:00Z.',
    );
  }
  if (date.getTime() <= Date.now()) throw new InvalidArgumentError('It is in the past.');
  return date;
}

function isCalendarDay(value: string): boolean {
  const day = value.slice(0, 10);
  return new Date(`${day}T00:00:00Z`).toISOString().startsWith(day);
}
