import { basename } from 'node:path';
import { readDemoTenants, readDemoText } from '../../src/demo/demo-content.js';
import type { QuestionSet } from './question-set.js';

/** The demo tenants' texts, and the logged questions that name the documents of their answers. */
export function demoQuestions(): QuestionSet[] {
  return readDemoTenants().map(tenant => ({
    name: `Demo: ${tenant.name}`,
    documents: tenant.bots.flatMap(bot =>
      bot.documents.flatMap(({ file, filename }) =>
        file === null
          ? []
          : [{ filename: filename ?? basename(file), text: readDemoText(tenant, file) }],
      ),
    ),
    questions: tenant.bots.flatMap(bot =>
      bot.queries
        .filter(({ sources }) => sources.length > 0)
        .map(({ query, sources }) => ({ text: String(query), expected: sources })),
    ),
  }));
}
