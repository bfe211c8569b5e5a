import 'reflect-metadata';
import { loadEnvFile } from './src/cli/env-file.js';
import { mikroOrmOptions } from './src/cli/mikro-orm-options.js';

loadEnvFile();
/** For the MikroORM command line only. */
export default await mikroOrmOptions(process.env, process.argv);
