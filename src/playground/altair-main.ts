import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What the package `json-bigint` exports, in the form in which the bundle has it. */
const JSON_BIGINT = new RegExp(
  String.raw`(\w+)\.exports=function\((\w+)\)\{return\{parse:(\w+)\(\2\),stringify:(\w+)\}\};` +
    String.raw`\1\.exports\.parse=\3\(\);\1\.exports\.stringify=\4`,
  'g',
);

/**
 * Altair's main.js, which reads answers and variables by our `browser/exact-json.js`. Altair itself
 * reads them by `json-bigint`, which takes a number of more than 15 characters for a big one; the
 * page would show it, and send it, as a text in quotes. It also refuses the member names
 * `constructor` and `__proto__`. There is no setting for it. Throws where the bundle has it not
 * just once, as after an update of Altair.
 */
export async function altairMain(folder: string): Promise<string> {
  const source = await readFile(join(folder, 'main.js'), 'utf8');
  const found = [...source.matchAll(JSON_BIGINT)];
  if (found.length !== 1) {
    throw new Error(
      `main.js of altair-static has json-bigint ${found.length} times in the form that ` +
        'is known, in place of once: see altair-main.ts.',
    );
  }
  const exports = `${found[0]![1]}.exports={parse:exactJson.parse,stringify:JSON.stringify}`;
  return (
    'import * as exactJson from ' +
    `'./exact-json.js';\n${source.replace(JSON_BIGINT, () => exports)}`
  );
}
