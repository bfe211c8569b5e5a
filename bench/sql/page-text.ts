import { BEFORE_PAGE, type Operation, type Page } from './operations.js';

/** A statement with the plan that PostgreSQL settles on. */
export interface PlannedStatement {
  readonly name: string;
  readonly text: string;
  readonly plan: string;
}

export interface PlannedOperation {
  readonly operation: Operation;
  readonly statements: readonly PlannedStatement[];
}

export const RENEW = 'npm run docs:sql -- --database-url postgresql://postgres@localhost/postgres';
const MADE = `<!-- Made by \`npm run docs:sql\`. Do not edit. -->`;

export function pageText(
  { title }: Pick<Page, 'title'>,
  operations: readonly PlannedOperation[],
): string {
  const parts = [MADE, '', `# ${title}`, ''];
  for (const { operation, statements } of operations) {
    parts.push(
      `## ${capital(operation.what.replace(/^\w+: /, ''))}`,
      '',
      '```graphql',
      operation.query,
      '```',
      '',
    );
    if (operation.asOperator) parts.push('As the operator.', '');
    for (const statement of statements) parts.push(...statementText(statement));
  }
  return parts.join('\n');
}

export function beforePageText(statements: readonly PlannedStatement[]): string {
  return [
    MADE,
    '',
    '# Before an operation',
    '',
    'The key that a request comes with is looked up by each. How many chunks a tenant ' +
      'has, and which tenants have an index of their own, is asked by searches and ' +
      'remembered for half a minute.',
    '',
    ...statements.flatMap(statementText),
  ].join('\n');
}

function statementText({ name, text, plan }: PlannedStatement): string[] {
  return [
    `### ${name}`,
    '',
    '```sql',
    readable(text),
    '```',
    '',
    `${usesText(plan)}`,
    '',
    '```',
    plan,
    '```',
    '',
  ];
}

/** Lines where the program writes none. Whoever compares must not look at white space. */
function readable(text: string): string {
  const bare = withoutLabel(text);
  if (bare.includes('\n'))
    return bare
      .replace(/\n(\s*\n)+/g, '\n')
      .replace(/^\n/, '')
      .replace(/^ {4}/gm, '')
      .trimEnd();
  return bare.replace(
    /(?<!select) +(from |where |order by |limit |cross join lateral |union all )/g,
    '\n$1',
  );
}

function withoutLabel(text: string): string {
  return text.replace(/^\/\* \w+ \*\/ /, '');
}

/** A statement's text however its lines are broken. */
export function comparable(text: string): string {
  return withoutLabel(text)
    .replace(/\s+/g, ' ')
    .replace(/(?<=\() | (?=\))/g, '')
    .trim();
}

const INDEX = /(?:Index (?:Only )?Scan (?:Backward )?using|Bitmap Index Scan on) (\w+)/g;
const WHOLE = /Seq Scan on (\w+)/g;

function usesText(plan: string): string {
  const indexes = [...new Set(Array.from(plan.matchAll(INDEX), match => match[1]!))];
  const whole = [...new Set(Array.from(plan.matchAll(WHOLE), match => match[1]!))];
  const uses =
    indexes.length === 0
      ? 'Uses no index.'
      : `Uses ${indexes.map(index => `\`${index}\``).join(', ')}.`;
  return whole.length === 0
    ? uses
    : `${uses} **Reads all of ${whole.map(table => `\`${table}\``).join(', ')}.**`;
}

/**
 * What a page says of its statements: names, texts (as `comparable` has them) and the indexes that
 * they use.
 */
export function readPage(text: string): { name: string; text: string; indexes: string[] }[] {
  return Array.from(text.matchAll(/^### (\w+)\n\n```sql\n(.*?)\n```\n\n([^\n]*)$/gms), match => ({
    name: match[1]!,
    text: comparable(match[2]!),
    indexes: Array.from(match[3]!.matchAll(/`(\w+)`/g), one => one[1]!),
  }));
}

function capital(text: string): string {
  return text[0]!.toUpperCase() + text.slice(1);
}

export function indexPageText(pages: readonly Page[]): string {
  const list = [
    `- [Before an operation](${BEFORE_PAGE})`,
    ...pages.map(({ file, title }) => `- [${title}](${file})`),
  ];
  return [
    MADE,
    '# Statements and their plans',
    'What the gateway sends to PostgreSQL for some operations, as it sends it today, and the ' +
      'plan that PostgreSQL comes to. It serves to see which index a statement uses, and what a ' +
      'change to a statement or an index changes in plans.',
    list.join('\n'),
    'These pages are made by',
    `\`\`\`\n${RENEW}\n\`\`\``,
    'It makes a database of some 300 tenants and 115,000 chunks, asks a gateway in its own ' +
      'process, takes the statements that it sends, drops the database again, and writes all ' +
      'pages anew. PostgreSQL 15 with pgvector makes the plans, in a transaction under the role ' +
      "of whose the operation is, with row-level security: the policy's condition is the one " +
      "with `current_setting('app.tenant_id', true)`. A statement that the gateway prepares is " +
      'planned for its parameters five times, then as it would be on a connection that has been ' +
      'open for a while; where a plan says `$1` it is one for all parameters.',
    'Not here: `begin`, the settings of the transaction and `commit`; what notes the use of keys ' +
      'and counts requests; mutations.',
    'A test compares names and texts with what the gateway sends, on whatever database the tests ' +
      'run, and looks for the indexes. It does not compare plans: they depend on the ' +
      "server's version and settings.\n",
  ].join('\n\n');
}
