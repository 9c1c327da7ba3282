import { counted } from '../../src/cli/terminal/format.js'
import { runTool, type ToolContext } from '../lib/run-tool.js'
import { LivePanel } from '../lib/terminal/live-panel.js'
import { help, type RepeatOptions, readOptions } from './options.js'
import { failuresOf, report } from './report.js'
import { startLoad, startTests } from './run.js'
import { Series } from './series.js'

await runTool({ command: 'npm run test:repeat', help, readOptions, run: repeat, interrupt: 'finish' })

async function repeat(
  { times, load, files }: RepeatOptions,
  { terminal, width, interrupted }: ToolContext,
): Promise<number> {
  const { paint } = terminal
  const beside = load ? ', beside two busy processes' : ''
  const header = [`${paint('bold', 'stockhold test:repeat')}, ${counted(times, 'run')}${beside}`, '']
  const series = new Series(times, paint)
  const panel = new LivePanel(series, header, terminal, process.stdout)
  let stopRun = () => {}
  interrupted.addEventListener('abort', () => {
    series.stopping()
    stopRun()
  })
  if (load) startLoad()
  panel.start()
  while (series.outcomes.length < times && !interrupted.aborted) {
    const run = startTests(files, (done, total) => series.progress(done, total))
    stopRun = run.stop
    const outcome = await run.outcome
    if (interrupted.aborted) break
    series.add(outcome)
    if (!terminal.live) for (const line of failuresOf(outcome, paint)) console.log(line)
  }
  panel.stop()
  console.log(report(series.outcomes, width(), paint).join('\n'))
  if (series.outcomes.some(({ failed }) => failed > 0)) return 1
  return interrupted.aborted ? 130 : 0
}
