// Node 20 cannot strip types and knows no .lua imports, so a program is bundled before it runs
// (some 50 ms).
import { rmSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildSync } from 'esbuild'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** Bundles a TypeScript program of this repository; the bundle goes when this process ends. */
export function bundle(file) {
  // A name per process: two runs at once must not read each other's half-written bundle.
  const name = `${basename(file, '.ts')}-${process.pid}.mjs`
  const outfile = join(root, 'node_modules/.cache/stockhold/run', name)
  buildSync({
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
  process.on('exit', () => rmSync(outfile, { force: true }))
  return outfile
}
