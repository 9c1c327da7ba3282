import { defineConfig } from 'tsup'

const entries = ['index', 'postgres', 'testing', 'http', 'express', 'fastify', 'client', 'otel']
const library = Object.fromEntries(entries.map((name) => [name, `src/${name}.ts`]))

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
