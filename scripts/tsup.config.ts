import { defineConfig } from 'tsup'

const library = { index: 'src/index.ts', postgres: 'src/postgres.ts', testing: 'src/testing.ts' }

export default defineConfig({
  entry: { ...library, cli: 'src/cli/main.ts' },
  format: 'esm',
  target: 'node20',
  dts: { entry: library },
  sourcemap: true,
  clean: true,
  // The Lua scripts travel inside the bundle: a service that is bundled itself has no folder to
  // read them from.
  loader: { '.lua': 'text' },
})
