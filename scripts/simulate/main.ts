import { simulateRoom } from '../../src/testing/simulator/rooms/simulate-rooms.js'
import { type Simulated, simulate } from '../../src/testing/simulator/simulate.js'
import { BadOption } from '../lib/options.js'
import { Progress } from '../lib/terminal/live-panel.js'
import { type Terminal, terminalOf } from '../lib/terminal/style.js'
import { type Options, readOptions, type SimulateOptions } from './options.js'
import { Tally } from './tally.js'

/** So many broken runs are shown; whoever needs more has their seeds. */
const SHOWN = 3

let interrupted = false

process.exitCode = await main().catch((error: Error) => {
  if (!(error instanceof BadOption)) throw error
  console.error(`${error.message}\nTry: npm run simulate -- --help`)
  return 2
})

async function main(): Promise<number> {
  const options: Options = readOptions(process.argv.slice(2))
  if ('help' in options) {
    console.log(options.help)
    return 0
  }
  // The first Ctrl-C ends the run under way and shows what was found, the second one ends the process.
  process.once('SIGINT', () => {
    interrupted = true
  })
  // Piped into something that has read enough, such as head.
  process.stdout.on('error', () => process.exit(1))
  return run(options, terminalOf(process.stdout, process.env))
}

async function run(options: SimulateOptions, terminal: Terminal): Promise<number> {
  const { seed: first, runs, trace } = options
  const tally = new Tally(runs, terminal.paint)
  const header = [`${terminal.paint('bold', 'stockhold simulate')}, seeds from ${first}`, '']
  const progress = trace ? undefined : new Progress(tally, header, terminal, process.stdout)
  const found: string[] = []
  progress?.start()
  for (let seed = first; seed < first + runs && !interrupted; seed++) {
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
  progress?.stop()
  const width = (process.stdout.columns ?? 80) - 1
  console.log(`\n${tally.summary(width).join('\n')}\n`)
  if (found.length > 0) console.log(`${found.join('\n\n')}\n`)
  const verdict =
    tally.violations === 0 ? 'every promise was kept' : `${tally.violations} runs broke a promise`
  console.log(`verdict: ${terminal.paint(tally.violations === 0 ? 'green' : 'red', verdict)}`)
  return tally.violations === 0 ? 0 : 1
}

/** A seed has a sale of its own, and a waiting room. */
async function both(seed: number, { only, trace: traced }: SimulateOptions) {
  const trace = traced ? (line: string) => console.log(line) : undefined
  const done: { what: 'sales' | 'rooms'; done: Simulated }[] = []
  if (only !== 'rooms') done.push({ what: 'sales', done: await simulate({ seed, trace }) })
  if (only !== 'sales') done.push({ what: 'rooms', done: await simulateRoom({ seed, trace }) })
  return done
}
