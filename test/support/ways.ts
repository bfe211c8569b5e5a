import { Operations } from '../../src/graphql/operation/operations.js';

// Which way requests of any test go: `apollo`, all through Apollo Server; `known`, none whose
// document is valid, so that the first request is like the next.

const { known } = Operations.prototype;

Operations.prototype.known = function (text) {
  if (process.env.TEST_WAY === 'apollo') return undefined;
  const { errors } = this.prepare(text);
  return errors.length === 0 ? known.call(this, text) : undefined;
};
