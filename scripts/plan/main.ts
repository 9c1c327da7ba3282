import { BadOption } from '../lib/options.js'
import { terminalOf } from '../lib/terminal/style.js'
import { check } from './check.js'
import { checkLines } from './check-report.js'
import { measuredBy } from './figures.js'
import { readOptions } from './options.js'
import { planOf } from './plan.js'
import { REPORT_WIDTH, reportLines } from './report.js'

process.exitCode = await main().catch((error: Error) => {
  if (!(error instanceof BadOption)) throw error
  console.error(`${error.message}\nTry: npm run plan -- --help`)
  return 2
})

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2))
  if ('help' in options) {
    process.stdout.write(options.help)
    return 0
  }
  const plan = planOf(options.sale, options.means)
  const { paint } = terminalOf(process.stdout, process.env)
  const width = process.stdout.columns === undefined ? REPORT_WIDTH : process.stdout.columns - 1
  if (!options.json) console.log(reportLines(plan, width, paint).join('\n'))
  // Not on the standard output: there the JSON stands alone.
  const checked = options.check
    ? await check(plan, (round, of) => console.error(`check: round ${round + 1} of ${of}`))
    : undefined
  if (options.json) console.log(JSON.stringify({ ...plan, measuredBy, ...(checked && { checked }) }, null, 2))
  else if (checked) console.log(checkLines(checked, width, paint).join('\n'))
  return checked?.ok === false ? 1 : 0
}
