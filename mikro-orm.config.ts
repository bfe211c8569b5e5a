import 'reflect-metadata';
import { readConfig } from './src/config.js';
import { databaseOptions } from './src/db/database-options.js';
import { ENTITIES } from './src/entities.js';

/** For the MikroORM command line: whichever database the environment names, opened as the schema's owner. */
export default databaseOptions(readConfig(process.env).database, 'migrate', ENTITIES).orm;
