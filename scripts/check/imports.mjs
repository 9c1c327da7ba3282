// The direction of imports, for dependency-cruiser: `npm run check:imports`.
const layers = [
  { name: 'entry points', path: '^src/[^/]+\\.ts$' },
  { name: 'cli', path: '^src/cli/' },
  { name: 'control-room', path: '^src/control-room/' },
  { name: 'operations', path: '^src/operations/' },
  { name: 'client', path: '^src/client/' },
  { name: 'http', path: '^src/http/' },
  { name: 'otel', path: '^src/otel/' },
  { name: 'features', path: '^src/(sale|waiting-room|consumer|postgres)/' },
  { name: 'heartbeat', path: '^src/heartbeat/' },
  { name: 'batching', path: '^src/batching/' },
  { name: 'telemetry', path: '^src/telemetry/' },
  { name: 'engine', path: '^src/engine/' },
]
/** What every layer may import, and what imports nothing but itself. */
const BOTTOM = '^src/(common/|errors\\.ts$|validation\\.ts$)'
/** Named by the layers that choose an engine: entry points and command line. */
const CHOICES = ['^src/(memory-engine|redis-engine)/', '^src/testing/']

/** A layer imports itself, the layers below it and the bottom. */
const downwards = layers.map(({ name, path }, index) => {
  const mayChoose = index < 2
  const below = layers.slice(index).map((layer) => layer.path)
  return {
    name: `${name}-import-downwards`,
    severity: 'error',
    from: { path, pathNot: BOTTOM },
    to: { path: '^src/', pathNot: [...below, ...(mayChoose ? CHOICES : []), BOTTOM] },
  }
})

export default {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    ...downwards,
    {
      name: 'the-bottom-imports-nothing-above',
      severity: 'error',
      from: { path: BOTTOM },
      to: { path: '^src/', pathNot: BOTTOM },
    },
    {
      name: 'engines-implement-the-contract',
      severity: 'error',
      from: { path: '^src/(memory-engine|redis-engine)/' },
      to: { path: '^src/', pathNot: ['^src/$1/', '^src/(engine|telemetry)/', BOTTOM] },
    },
    {
      name: 'testing-is-a-user',
      severity: 'error',
      from: { path: '^src/testing/' },
      to: { path: '^src/(cli/|postgres|[^/]+\\.ts$)', pathNot: BOTTOM },
    },
    {
      // Types only: what a page loads is the client alone.
      name: 'client-imports-what-routes-answer',
      severity: 'error',
      from: { path: '^src/client/' },
      to: {
        path: '^src/',
        pathNot: ['^src/client/', '^src/http/(problems|routes|views)\\.ts$', '^src/sale/results\\.ts$'],
      },
    },
    {
      name: 'src-stands-alone',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(test|scripts|bench)/' },
    },
    {
      name: 'scripts-do-not-import-bench',
      severity: 'error',
      from: { path: '^scripts/' },
      to: { path: '^bench/' },
    },
    {
      name: 'sales-are-imported-from-engine.ts',
      severity: 'error',
      from: { pathNot: '^src/engine/' },
      to: { path: '^src/engine/(records|sale)\\.ts$' },
    },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    // Some packages have `exports` and no `main`.
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
  },
}
