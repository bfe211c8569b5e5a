// Who may import whom: a staircase. A folder imports only from itself and from steps above it in this list; folders on one step never
// import each other. One total order means that no cycle is possible. Adding a feature is adding its line.
const STEPS = [
  ['base'],
  ['config'],
  ['observability'],
  ['db'],
  ['auth'],
  ['rate-limits'],
  ['embedders'],
  ['extraction'],
  ['graphql'],
  ['playground'],
  ['http'],
  ['audit'],
  ['writes'],
  ['tenants'],
  ['users', 'api-keys'],
  ['viewer', 'bots', 'chunking'],
  ['documents'],
  ['uploads'],
  ['chunks'],
  ['ingestion'],
  ['search'],
  ['bot-queries'],
  ['analytics'],
  ['demo'],
  ['entities'],
  ['schema'],
  ['app'],
  ['ops'],
  ['cli'],
  ['main'],
];

const pathOf = name => `^src/${name}(/|\\.ts$)`;
const staircase = STEPS.flatMap((names, step) =>
  names.map(name => ({
    name: `${name}-imports-only-from-above`,
    comment: `src/${name} may import only from: ${STEPS.slice(0, step).flat().join(', ') || 'nothing of ours'}.`,
    severity: 'error',
    from: { path: pathOf(name) },
    to: { path: '^(src|test|bench)/', pathNot: [...STEPS.slice(0, step).flat(), name].map(pathOf) },
  })),
);

module.exports = {
  forbidden: [
    ...staircase,
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'every-folder-has-its-step',
      comment: 'A new folder or file directly under src/ needs its line in STEPS.',
      severity: 'error',
      from: { path: '^src/', pathNot: STEPS.flat().map(pathOf) },
      to: {},
    },
    {
      name: 'only-db-and-ops-know-the-drivers',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/(db|ops)/'] },
      to: {
        path: 'node_modules/(@mikro-orm/(pglite|migrations)|pg|@electric-sql)/',
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'only-ops-knows-migrations',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/ops/migrations/'] },
      to: { path: 'node_modules/@mikro-orm/migrations/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'only-loader-makes-dataloaders',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/graphql/loader\\.ts$'] },
      to: { path: 'node_modules/dataloader/' },
    },
    {
      name: 'src-uses-no-development-dependency',
      severity: 'error',
      from: { path: '^(src|migrations)/' },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'imports-resolve',
      severity: 'error',
      from: { path: '^(src|migrations)/' },
      to: { couldNotResolve: true },
    },
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^dist/' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
  },
};
