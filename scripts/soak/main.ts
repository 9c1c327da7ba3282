import { BadOption } from '../lib/options.js'
import { duration } from '../lib/terminal/format.js'
import { Progress } from '../lib/terminal/live-panel.js'
import { type Terminal, terminalOf } from '../lib/terminal/style.js'
import { type Options, readOptions, type SoakOptions } from './options.js'
import { RunRecord } from './record.js'
import { failed, passed, report } from './report.js'
import { soak } from './soak.js'
import { SoakView } from './view.js'

process.exitCode = await main().catch((error: Error) => {
  if (!(error instanceof BadOption)) throw error
  console.error(`${error.message}\nTry: npm run soak -- --help`)
  return 2
})

async function main(): Promise<number> {
  const options: Options = readOptions(process.argv.slice(2))
  if ('help' in options) {
    console.log(options.help)
    return 0
  }
  return run(options, terminalOf(process.stdout, process.env))
}

async function run(options: SoakOptions, terminal: Terminal): Promise<number> {
  const { paint } = terminal
  const seconds = options.minutes * 60
  let interrupted = false
  process.once('SIGINT', () => {
    interrupted = true
    process.once('SIGINT', () => process.exit(130))
  })
  const record = new RunRecord()
  const view = new SoakView(record, seconds, paint)
  const title = `${paint('bold', 'stockhold soak')}, ${duration(seconds)}, seed ${options.seed}`
  const progress = new Progress(view, [title, ''], terminal, process.stdout)
  progress.start()
  await soak(options, record, { isInterrupted: () => interrupted, doing: (what) => view.doing(what) })
  progress.stop()
  const width = Math.max(60, (process.stdout.columns ?? 140) - 1)
  console.log(report(record, width, paint).join('\n'))
  if (interrupted && !failed(record)) return 130
  return passed(record) ? 0 : 1
}
