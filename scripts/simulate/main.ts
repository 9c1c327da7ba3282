import { simulate } from '../../src/testing/simulator/simulate.js'
import { BadOption } from '../demo/option-values.js'
import { Progress } from '../demo/terminal/progress.js'
import { type Terminal, terminalOf } from '../demo/terminal/style.js'
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

async function run({ seed: first, runs, trace }: SimulateOptions, terminal: Terminal): Promise<number> {
  const tally = new Tally(runs, terminal.paint)
  const header = [`${terminal.paint('bold', 'stockhold simulate')}, seeds from ${first}`, '']
  const progress = trace ? undefined : new Progress(tally, header, terminal, process.stdout)
  const found: string[] = []
  progress?.start()
  for (let seed = first; seed < first + runs && !interrupted; seed++) {
    const done = await simulate({ seed, trace: trace ? (line) => console.log(line) : undefined })
    tally.add(done)
    if (!done.violation && !done.undecided) continue
    const replay = `npm run simulate -- --seed ${seed} --runs 1 --trace`
    const what = done.violation?.report ?? 'the history could not be decided within the effort allowed'
    if (found.length < SHOWN)
      found.push(`${terminal.paint('red', `seed ${seed}`)}: ${what}\n\nReplay: ${replay}`)
    else
      found.push(
        `${terminal.paint('red', `seed ${seed}`)}: ${done.violation?.kind ?? 'undecided'}. Replay: ${replay}`,
      )
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
