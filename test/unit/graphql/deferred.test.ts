import { describe, expect, test } from 'vitest';
import { Deferred } from '../../../src/graphql/deferred.js';

describe('an expected value', () => {
  test('comes to all who listen, in their order and in the same turn', () => {
    const value = new Deferred<string>();
    const heard: string[] = [];
    for (const name of ['first', 'second'])
      value.listen(
        came => heard.push(`${name} ${came}`),
        () => {},
      );
    value.resolve('here');
    expect(heard).toEqual(['first here', 'second here']);
  });

  test('comes to whoever listens late as well, but never before they are done asking', async () => {
    const value = new Deferred<string>();
    value.resolve('here');
    const heard: string[] = [];
    value.listen(
      came => heard.push(came),
      () => {},
    );
    expect(heard).toEqual([]);
    await value;
    expect(heard).toEqual(['here']);
  });

  test('is a promise to others, whether it comes or fails', async () => {
    const [came, failed] = [new Deferred<number>(), new Deferred<number>()];
    const answers = Promise.allSettled([came.then(value => value + 1), failed]);
    came.resolve(1);
    failed.reject(new Error('gone'));
    expect(await answers).toEqual([
      { status: 'fulfilled', value: 2 },
      { status: 'rejected', reason: new Error('gone') },
    ]);
  });
});
