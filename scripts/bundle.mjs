// Node 20 cannot strip types and knows no .lua imports, so a program is bundled before it runs
// (some 50 ms).
import { existsSync, renameSync, rmSync } from 'node:fs'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildSync } from 'esbuild'
import { controlRoomPage, PAGE_MODULE } from './control-room-page.mjs'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** Names a folder in which processes find the programs that one of them has bundled. */
export const BUNDLES = 'STOCKHOLD_BUNDLES'
export const bundlesFolder = join(root, 'node_modules/.cache/stockhold/run')

/** Bundles a TypeScript program of this repository; the bundle goes when this process ends. */
export function bundle(file) {
  const source = resolve(root, file)
  const shared = process.env[BUNDLES]
  const whole = shared && join(shared, `${relative(root, source).replaceAll('/', '-')}.mjs`)
  if (whole && existsSync(whole)) return whole
  // A name per process: two runs at once must not read each other's half-written bundle.
  const outfile = join(shared ?? bundlesFolder, `${basename(file, '.ts')}-${process.pid}.mjs`)
  const options = {
    entryPoints: [source],
    outfile,
    absWorkingDir: root,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    packages: 'external',
    loader: { '.lua': 'text' },
    sourcemap: 'inline',
    metafile: true,
    logLevel: 'error',
  }
  const { metafile } = buildSync(options)
  // Most programs have no control room, and need not wait for its page.
  if (PAGE_MODULE in metafile.inputs)
    buildSync({ ...options, define: { CONTROL_ROOM_PAGE: controlRoomPage() } })
  if (whole) {
    renameSync(outfile, whole)
    return whole
  }
  process.on('exit', () => rmSync(outfile, { force: true }))
  return outfile
}
