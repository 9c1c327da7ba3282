import { duration } from '../../src/cli/terminal/format.js'
import { runTool, type ToolContext } from '../lib/run-tool.js'
import { LivePanel } from '../lib/terminal/live-panel.js'
import { help, readOptions, type SoakOptions } from './options.js'
import { RunRecord } from './record.js'
import { failed, passed, report } from './report.js'
import { soak } from './soak.js'
import { SoakView } from './view.js'

await runTool({ command: 'npm run soak', help, readOptions, run, interrupt: 'finish' })

async function run(options: SoakOptions, { terminal, width, interrupted }: ToolContext): Promise<number> {
  const { paint } = terminal
  const seconds = options.minutes * 60
  const record = new RunRecord()
  const view = new SoakView(record, seconds, paint)
  const title = `${paint('bold', 'stockhold soak')}, ${duration(seconds)}, seed ${options.seed}`
  const panel = new LivePanel(view, [title, ''], terminal, process.stdout)
  panel.start()
  await soak(options, record, { interrupted, doing: (what) => view.doing(what) })
  panel.stop()
  console.log(report(record, width(140), paint).join('\n'))
  if (interrupted.aborted && !failed(record)) return 130
  return passed(record) ? 0 : 1
}
