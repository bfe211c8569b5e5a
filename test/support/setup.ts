import 'reflect-metadata';

if (process.env.TEST_WAY !== undefined) await import('./ways.js');
