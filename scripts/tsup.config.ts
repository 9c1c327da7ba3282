import { defineConfig } from 'tsup'

export default defineConfig({
  entry: { index: 'src/index.ts', testing: 'src/testing.ts' },
  format: 'esm',
  target: 'node20',
  dts: true,
  sourcemap: true,
  clean: true,
  // The Lua scripts travel inside the bundle: a service that is bundled itself has no folder to read them from.
  loader: { '.lua': 'text' },
})
