import { parseOptions, whole } from '../../src/cli/tool-options.js'
import { faultsOf, Stage } from '../drill/stage.js'
import { runTool, type ToolContext } from '../lib/run-tool.js'
import { EARLIER, earlierVersion } from './earlier.js'
import { sideBySide } from './side-by-side.js'

const help = `Runs an earlier version and this one side by side on one Redis and one PostgreSQL, as in a rolling deployment.

  npm run test:versions
  npm run test:versions -- --commit v0.1.0 --sales 1000

  --commit C  the earlier version                                                     (default ${EARLIER})
  --sales N   how many reservations each of the four servers makes between two steps  (default 20)
  -h, --help

Two servers of the earlier version open a sale and a waiting room. Two servers of this version come, an operator changes
rules, stock and rate, and the earlier ones leave. Reservations, payments, transfers, consumers, followers of the ledger
and the waiting room of both work with what the other version made. At the end the sale is audited, and compared with
the ledger and with all that buyers were told. The earlier version is taken from the history of this clone, and uses the
packages of this one. The exit code is 0 if nothing differs, 1 if something does, 2 for a wrong option.`

interface VersionsOptions {
  readonly commit: string
  readonly sales: number
}

await runTool({ command: 'npm run test:versions', help, readOptions, run })

function readOptions(args: readonly string[]): VersionsOptions {
  const { values } = parseOptions(args, { texts: ['commit', 'sales'] })
  return { commit: values.commit ?? EARLIER, sales: whole(values, 'sales', 20, 1, 100_000) }
}

async function run({ commit, sales }: VersionsOptions, { cleanUp, terminal }: ToolContext): Promise<number> {
  const earlier = await earlierVersion(commit)
  const stage = await Stage.open()
  cleanUp(() => stage.close())
  try {
    const books = await sideBySide(stage, earlier, { sales }, (step) => console.log(step))
    const faults = faultsOf(books)
    console.log(`${books.acknowledged} reservations and ${books.confirmed} payments were acknowledged.`)
    if (faults.length === 0) console.log(terminal.paint('green', `This version and ${commit} agree.`))
    else console.log(terminal.paint('red', `${faults.join('; ')}.`))
    return faults.length === 0 ? 0 : 1
  } finally {
    await stage.close()
  }
}
