import { Command } from 'commander';
import { extractionCommand } from './extraction/extraction.bench.js';
import { fairnessCommand } from './fairness/fairness.bench.js';
import { growthCommand } from './growth/growth.bench.js';
import { largeAnswersCommand } from './large-answers/large-answers.bench.js';
import { largeTenantsCommand } from './large-tenants/large-tenants.bench.js';
import { navigationCommand } from './navigation/navigation.bench.js';
import { retrievalCommand } from './retrieval/retrieval.bench.js';
import { searchCommand } from './search/search.bench.js';
import { sqlCommand } from './sql/sql.bench.js';

const program = new Command('npm run bench --')
  .description('Measurements of Weaver on this machine. Each has its own --help.')
  .addCommand(navigationCommand())
  .addCommand(searchCommand())
  .addCommand(retrievalCommand())
  .addCommand(growthCommand())
  .addCommand(largeAnswersCommand())
  .addCommand(largeTenantsCommand())
  .addCommand(fairnessCommand())
  .addCommand(extractionCommand())
  .addCommand(sqlCommand());
await program.parseAsync();
