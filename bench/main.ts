/** The suite: `npm run bench -- --help` says what it can do. */
import { BadOption } from '../scripts/lib/options.js'
import { redact } from '../scripts/lib/redact.js'
import { parts } from './parts.js'
import { compareFiles } from './support/compare-files.js'
import { helpText } from './support/help.js'
import { readOptions } from './support/options.js'
import { runSuite } from './support/suite.js'

/** 0: every invariant held. 1: one did not. 2: nothing was measured. */
async function main(args: readonly string[]): Promise<number> {
  const options = readOptions(args, parts)
  if (options.command === 'help') {
    console.log(helpText(parts))
    return 0
  }
  if (options.command === 'compare') {
    await compareFiles(options.files, process.stdout)
    return 0
  }
  return (await runSuite(options, process.stdout)).ok ? 0 : 1
}

/** Not by itself: a part that failed may have left connections behind that would keep the process for ever. */
function exit(code: number): void {
  process.stdout.write('', () => process.exit(code))
}

try {
  exit(await main(process.argv.slice(2)))
} catch (error) {
  console.error(redact((error as Error).message))
  if (error instanceof BadOption) console.error('npm run bench -- --help says what there is')
  exit(2)
}
