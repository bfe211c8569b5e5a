import 'reflect-metadata';
import { mikroOrmOptions } from './src/cli/mikro-orm-options.js';

/** For the MikroORM command line only. */
export default await mikroOrmOptions(process.env, process.argv);
