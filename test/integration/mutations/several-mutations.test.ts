import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startWriteWorld, type WriteWorld } from '../../support/writes.js';

let world: WriteWorld;
beforeAll(async () => {
  world = await startWriteWorld();
});
afterAll(() => world.gateway.close());

const namesOf = async (like: string): Promise<string[]> => {
  const rows = await world.rows<{ name: string }>(
    'select name from bots where tenant_id = ? and name like ? order by name',
    [world.tenant.id, like],
  );
  return rows.map(({ name }) => name);
};

describe('several mutations in one operation', () => {
  test('are each answered, whichever of them fails', async () => {
    const { status, data, errors } = await world.writer.query(`mutation {
      first: createBot(input: { name: "Several 1" }) { bot { id name } }
      second: createBot(input: { name: " " }) { bot { id name } }
      third: createBot(input: { name: "Several 3" }) { bot { id name } }
    }`);
    expect(status).toBe(200);
    expect(data).toEqual({
      first: { bot: { id: expect.any(String), name: 'Several 1' } },
      second: null,
      third: { bot: { id: expect.any(String), name: 'Several 3' } },
    });
    expect(errors).toMatchObject([
      { path: ['second'], extensions: { code: 'BAD_USER_INPUT', field: 'input.name' } },
    ]);
    expect(await namesOf('Several %')).toEqual(['Several 1', 'Several 3']);
  });

  test('are each answered where one is refused for its variable', async () => {
    const { data, errors } = await world.writer.query(
      `mutation ($name: String = "Default", $config: JSONObject) {
        first: createBot(input: { name: "Variable 1" }) { bot { name } }
        second: createBot(input: { name: $name }) { bot { name } }
        third: createBot(input: { name: "Variable 3", config: { a: $config } })
          { bot { name config } }
      }`,
      { name: null },
    );
    expect(data).toEqual({
      first: { bot: { name: 'Variable 1' } },
      second: null,
      third: { bot: { name: 'Variable 3', config: { a: null } } },
    });
    expect(errors).toMatchObject([
      {
        path: ['second'],
        message: expect.stringContaining('Argument "input" has invalid value'),
        extensions: { code: 'BAD_USER_INPUT' },
      },
    ]);
    expect(await namesOf('Variable %')).toEqual(['Variable 1', 'Variable 3']);
  });

  test('tell of an object that has gone at its own place', async () => {
    const { id } = await world.tenant.bot({ name: 'Several gone' });
    const { data, errors } = await world.writer.query(
      `mutation ($id: ID!) {
        first: deleteBot(input: { id: $id, confirm: "Several gone" }) { deletedId }
        second: updateBot(input: { id: $id, name: "Too late" }) { bot { id } }
      }`,
      { id },
    );
    expect(data).toEqual({ first: { deletedId: id }, second: null });
    expect(errors).toMatchObject([
      { path: ['second'], extensions: { code: 'NOT_FOUND', field: 'input.id' } },
    ]);
  });
});
