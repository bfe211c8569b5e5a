import { existsSync } from 'node:fs';

/** Takes variables that the environment does not set from the file `.env` of the working directory, where there is one. */
export function loadEnvFile(): void {
  if (existsSync('.env')) process.loadEnvFile('.env');
}
