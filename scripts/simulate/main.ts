import { simulateRoom } from '../../test/simulation/simulator/rooms/simulate-rooms.js'
import { type Simulated, simulate } from '../../test/simulation/simulator/simulate.js'
import { runTool, type ToolContext } from '../lib/run-tool.js'
import { LivePanel } from '../lib/terminal/live-panel.js'
import { help, readOptions, type SimulateOptions } from './options.js'
import { Tally } from './tally.js'

/**
 * The reports of broken runs that are shown; of the others, the command that replays each of them.
 */
const SHOWN = 3

await runTool({ command: 'npm run simulate', help, readOptions, run, interrupt: 'finish' })

async function run(options: SimulateOptions, { terminal, width, interrupted }: ToolContext): Promise<number> {
  const { seed: first, runs, trace } = options
  const tally = new Tally(runs, terminal.paint)
  const header = [`${terminal.paint('bold', 'stockhold simulate')}, seeds from ${first}`, '']
  const panel = trace ? undefined : new LivePanel(tally, header, terminal, process.stdout)
  const found: string[] = []
  panel?.start()
  for (let seed = first; seed < first + runs && !interrupted.aborted; seed++) {
    for (const { what, done } of await both(seed, options)) {
      tally.add(done, what)
      if (!done.violation && !done.undecided) continue
      const replay = `Replay: npm run simulate -- --only ${what} --seed ${seed} --runs 1 --trace`
      const title = terminal.paint('red', `seed ${seed}, ${what}`)
      const story = done.violation?.report ?? 'the history could not be decided within the effort allowed'
      if (found.length < SHOWN) found.push(`${title}: ${story}\n\n${replay}`)
      else found.push(`${title}: ${done.violation?.kind ?? 'undecided'}. ${replay}`)
    }
    tally.seedDone()
  }
  panel?.stop()
  console.log(`\n${tally.summary(width(80)).join('\n')}\n`)
  if (found.length > 0) console.log(`${found.join('\n\n')}\n`)
  const verdict = tally.violations === 0 ? 'every check holds' : `${tally.violations} runs have a violation`
  console.log(`verdict: ${terminal.paint(tally.violations === 0 ? 'green' : 'red', verdict)}`)
  return tally.violations === 0 ? 0 : 1
}

/** A seed gives one sale and one waiting room. */
async function both(seed: number, { only, trace: traced }: SimulateOptions) {
  const trace = traced ? (line: string) => console.log(line) : undefined
  const done: { what: 'sales' | 'rooms'; done: Simulated }[] = []
  if (only !== 'rooms') done.push({ what: 'sales', done: await simulate({ seed, trace }) })
  if (only !== 'sales') done.push({ what: 'rooms', done: await simulateRoom({ seed, trace }) })
  return done
}
