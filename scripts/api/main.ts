/** `npm run check:api -- --help` says what it does. */
import { readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { surfaceOf } from './surface.js'

const help = `Compares the types of the built package with scripts/api/stockhold.api.md, so that every change of what users can
import shows in a review. Fails, too, if a type mentions what is not exported, or an export has no comment.

  npm run check:api                builds the package and compares
  npm run check:api -- --write     builds the package and writes the report

  -h, --help`

const REPORT = 'scripts/api/stockhold.api.md'
const HEAD = `# What stockhold exports

Written by \`npm run check:api -- --write\` from the types of the built package.

`

function main(): number {
  const { values } = parseArgs({
    options: { write: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
  })
  if (values.help) {
    console.log(help)
    return 0
  }
  const { report, faults } = surfaceOf(entryPoints())
  for (const fault of faults) console.error(fault)
  const text = HEAD + report
  if (values.write) writeFileSync(REPORT, text)
  else if (text !== readFileSync(REPORT, 'utf8')) {
    console.error(
      `The exported types differ from ${REPORT}. Run \`npm run check:api -- --write\` and commit the file.`,
    )
    return 1
  }
  return faults.length > 0 ? 1 : 0
}

/** The `.d.ts` files of package.json by the names that users import. */
function entryPoints(): Record<string, string> {
  const { name, exports } = JSON.parse(readFileSync('package.json', 'utf8'))
  const typed = Object.entries<{ types?: string }>(exports).filter(([, { types }]) => types)
  return Object.fromEntries(typed.map(([path, { types }]) => [`${name}${path.slice(1)}`, types!]))
}

try {
  process.exitCode = main()
} catch (error) {
  console.error((error as Error).message)
  process.exitCode = 2
}
