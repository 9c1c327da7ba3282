import { measuredBy } from '../../src/cli/plan/figures.js'
import { type PlanOptions, readOptions } from '../../src/cli/plan/options.js'
import { planOf } from '../../src/cli/plan/plan.js'
import { REPORT_WIDTH, reportLines } from '../../src/cli/plan/report.js'
import { runTool, type ToolContext } from '../lib/run-tool.js'
import { check } from './check.js'
import { checkLines } from './check-report.js'
import { help } from './help.js'

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
