// Runs a TypeScript program of this repository: `node scripts/run.mjs FILE.ts [arguments]`.
// Node 20 cannot strip types and knows no .lua imports, so the file is bundled first (some 50 ms).
import { mkdir } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const [file, ...args] = process.argv.slice(2)
if (file === undefined) {
  console.error('usage: node scripts/run.mjs FILE.ts [arguments]')
  process.exit(2)
}
const folder = join(root, 'node_modules/.cache/stockhold/run')
// A name per process: two runs at once must not read each other's half-written bundle.
const outfile = join(folder, `${basename(file, '.ts')}-${process.pid}.mjs`)
await mkdir(folder, { recursive: true })
await build({
  entryPoints: [resolve(root, file)],
  outfile,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  packages: 'external',
  loader: { '.lua': 'text' },
  sourcemap: 'inline',
  logLevel: 'error',
})
process.setSourceMapsEnabled(true)
process.argv = [process.argv[0], outfile, ...args]
const { rmSync } = await import('node:fs')
process.on('exit', () => rmSync(outfile, { force: true }))
await import(pathToFileURL(outfile).href)
