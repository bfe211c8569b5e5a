import { Command } from 'commander';
import { navigationCommand } from './navigation/navigation.bench.js';
import { searchCommand } from './search/search.bench.js';

const program = new Command('npm run bench --').description('Measurements of Weaver on this machine. Each has its own --help.').addCommand(navigationCommand()).addCommand(searchCommand());
await program.parseAsync();
