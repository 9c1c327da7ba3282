import { runTool, type ToolContext } from '../lib/run-tool.js'
import { check } from './check.js'
import { checkLines } from './check-report.js'
import { measuredBy } from './figures.js'
import { help } from './help.js'
import { type PlanOptions, readOptions } from './options.js'
import { planOf } from './plan.js'
import { REPORT_WIDTH, reportLines } from './report.js'

await runTool({ command: 'npm run plan', help, readOptions, run })

async function run(options: PlanOptions, { terminal: { paint }, width }: ToolContext): Promise<number> {
  const plan = planOf(options.sale, options.resources)
  const columns = width(REPORT_WIDTH)
  if (!options.json) console.log(reportLines(plan, columns, paint).join('\n'))
  // Not on the standard output: there the JSON stands alone.
  const checked = options.check
    ? await check(plan, (round, of) => console.error(`check: round ${round + 1} of ${of}`))
    : undefined
  if (options.json) console.log(JSON.stringify({ ...plan, measuredBy, ...(checked && { checked }) }, null, 2))
  else if (checked) console.log(checkLines(checked, columns, paint).join('\n'))
  return checked?.ok === false ? 1 : 0
}
