import { parseOptions, whole } from '../../src/cli/tool-options.js'
import { runTool, type ToolContext } from '../lib/run-tool.js'
import { drill, type Step } from './drill.js'
import { faultsOf, Stage } from './stage.js'

const help = `Rehearses the recovery of a sale, with a Redis and a PostgreSQL of its own, and says how long each step took.

  npm run drill
  npm run drill -- --sales 1000

  --sales N   how many reservations each of the four servers makes between two steps, 1 to 1000  (default 100)
  -h, --help

Four application servers sell. The operator sees it in the control room, and changes the rate of the waiting room. Redis
comes back from an older snapshot, and the sale freezes. The operator sees the alert, and recovers the sale by one
command. At the end the sale is audited, and compared with the ledger and with all that buyers were told. The exit code
is 0 if nothing differs, 1 if something does, 2 for a wrong option.`

/** The waiting room admits 20 visitors a second, and a step that takes 5 minutes is given up. */
const MOST_SALES = 1_000

interface DrillOptions {
  readonly sales: number
}

await runTool({ command: 'npm run drill', help, readOptions, run })

function readOptions(args: readonly string[]): DrillOptions {
  const { values } = parseOptions(args, { texts: ['sales'] })
  return { sales: whole(values, 'sales', 100, 1, MOST_SALES) }
}

async function run(options: DrillOptions, { cleanUp, terminal }: ToolContext): Promise<number> {
  const stage = await Stage.open()
  cleanUp(() => stage.close())
  let previous = performance.now()
  let rolledBackAt = 0
  const mark = (step: Step) => {
    const now = performance.now()
    console.log(`${step.padEnd(14)} ${((now - previous) / 1_000).toFixed(2).padStart(8)} s`)
    if (step === 'rolled back') rolledBackAt = now
    if (step === 'selling again')
      console.log(`From the rollback to selling again: ${((now - rolledBackAt) / 1_000).toFixed(2)} s`)
    previous = now
  }
  try {
    const report = await drill(stage, options, mark)
    const { acknowledged, confirmed, restored, refused } = report
    console.log(
      `${acknowledged} reservations and ${confirmed} payments were acknowledged; ${restored} restored.`,
    )
    const faults = [...faultsOf(report), ...(refused > 0 ? [`${refused} reservations were refused`] : [])]
    if (faults.length === 0) console.log(terminal.paint('green', 'Nothing is missing.'))
    else console.log(terminal.paint('red', `${faults.join('; ')}.`))
    return faults.length === 0 ? 0 : 1
  } finally {
    await stage.close()
  }
}
