// Adds up the JSON reports of several test runs in a folder: names each test that failed, with its
// messages, and each that passed at the second try only, and ends with one line of sums. Fails when
// a report is missing or counts no test.
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join, relative } from 'node:path';

const EXPECTED_REPORTS = 3;
const MESSAGE_LINES = 25;
const folder = process.argv[2];
const reports = readdirSync(folder).map(file => ({
  run: basename(file, '.json'),
  ...JSON.parse(readFileSync(join(folder, file), 'utf8')),
}));
const sum = key => reports.reduce((total, report) => total + report[key], 0);

const tell = (outcome, run, file, name, messages) => {
  console.log(`${outcome} (${run}) ${relative(process.cwd(), file)}${name && ` > ${name}`}`);
  for (const line of messages.join('\n').split('\n').slice(0, MESSAGE_LINES)) {
    console.log(`    ${line}`);
  }
};
for (const { run, testResults } of reports) {
  for (const { name: file, status, message, assertionResults } of testResults) {
    const failed = assertionResults.filter(test => test.status === 'failed');
    for (const test of failed) {
      tell('FAILED', run, file, test.fullName, test.failureMessages);
    }
    for (const test of assertionResults) {
      if (test.status === 'passed' && test.failureMessages.length > 0) {
        tell('PASSED AT THE SECOND TRY', run, file, test.fullName, test.failureMessages);
      }
    }
    // A file that could not begin, or whose own hooks failed, has no test that says so.
    if (status === 'failed' && failed.length === 0) {
      tell('FAILED', run, file, '', [message]);
    }
  }
}
if (reports.length < EXPECTED_REPORTS || reports.some(report => report.numTotalTests === 0)) {
  console.log(
    `Only ${reports.length} of ${EXPECTED_REPORTS} test runs gave a report with tests in it.`,
  );
  process.exitCode = 1;
}
console.log(
  `${sum('numPassedTests')} passed, ${sum('numFailedTests')} failed, ` +
    `${sum('numPendingTests')} skipped`,
);
