import { BadOption } from '../lib/options.js'
import { counted } from '../lib/terminal/format.js'
import { Progress } from '../lib/terminal/live-panel.js'
import { type Terminal, terminalOf } from '../lib/terminal/style.js'
import { type Options, type RepeatOptions, readOptions } from './options.js'
import { failuresOf, report } from './report.js'
import { startLoad, startTests } from './run.js'
import { Series } from './series.js'

process.exitCode = await main().catch((error: Error) => {
  if (!(error instanceof BadOption)) throw error
  console.error(`${error.message}\nTry: npm run test:repeat -- --help`)
  return 2
})

async function main(): Promise<number> {
  const options: Options = readOptions(process.argv.slice(2))
  if ('help' in options) {
    console.log(options.help)
    return 0
  }
  return repeat(options, terminalOf(process.stdout, process.env))
}

async function repeat({ times, load, files }: RepeatOptions, terminal: Terminal): Promise<number> {
  const { paint } = terminal
  const beside = load ? ', beside two busy processes' : ''
  const header = [`${paint('bold', 'stockhold test:repeat')}, ${counted(times, 'run')}${beside}`, '']
  const series = new Series(times, paint)
  const progress = new Progress(series, header, terminal, process.stdout)
  let interrupted = false
  let stopRun = () => {}
  process.once('SIGINT', () => {
    interrupted = true
    series.stopping()
    stopRun()
    process.once('SIGINT', () => process.exit(130))
  })
  if (load) startLoad()
  progress.start()
  while (series.outcomes.length < times && !interrupted) {
    const run = startTests(files, (done, total) => series.progress(done, total))
    stopRun = run.stop
    const outcome = await run.outcome
    if (interrupted) break
    series.add(outcome)
    if (!terminal.live) for (const line of failuresOf(outcome, paint)) console.log(line)
  }
  progress.stop()
  const width = Math.max(60, (process.stdout.columns ?? 120) - 1)
  console.log(report(series.outcomes, width, paint).join('\n'))
  if (series.outcomes.some(({ failed }) => failed > 0)) return 1
  return interrupted ? 130 : 0
}
