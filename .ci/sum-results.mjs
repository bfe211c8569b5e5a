// Adds up the JSON reports of several test runs in a folder and prints one closing line. Fails when
// a report is missing or counts no test.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const EXPECTED_REPORTS = 3;
const folder = process.argv[2];
const reports = readdirSync(folder).map(file =>
  JSON.parse(readFileSync(join(folder, file), 'utf8')),
);
const sum = key => reports.reduce((total, report) => total + report[key], 0);
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
