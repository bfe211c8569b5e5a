import { Command } from 'commander';
import { navigationCommand } from './navigation/navigation.bench.js';

const program = new Command('npm run bench --').description('Measurements of Weaver on this machine. Each has its own --help.').addCommand(navigationCommand());
await program.parseAsync();
