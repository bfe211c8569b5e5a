import 'reflect-metadata';
import { runCommandLine } from './cli/command-line.js';
import { loadEnvFile } from './cli/env-file.js';

loadEnvFile();
process.exitCode = await runCommandLine(process.argv);
