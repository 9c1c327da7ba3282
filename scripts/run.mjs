// Runs a TypeScript program of this repository: `node scripts/run.mjs FILE.ts [arguments]`.
import { pathToFileURL } from 'node:url'
import { bundle } from './bundle.mjs'

const [file, ...args] = process.argv.slice(2)
if (file === undefined) {
  console.error('usage: node scripts/run.mjs FILE.ts [arguments]')
  process.exit(2)
}
const outfile = bundle(file)
process.setSourceMapsEnabled(true)
process.argv = [process.argv[0], outfile, ...args]
await import(pathToFileURL(outfile).href)
