import 'reflect-metadata';
import { runCommandLine } from './cli/command-line.js';

process.exitCode = await runCommandLine(process.argv, process.env);
