import type { Terminal } from '../../src/cli/terminal/style.js'
import { BadOption } from '../../src/cli/tool-options.js'
import { runTool, type ToolContext } from '../lib/run-tool.js'
import { ProgressLine } from '../lib/terminal/progress-line.js'
import { catalogue } from './catalogue.js'
import { judge } from './judge.js'
import type { Mutant } from './mutant.js'
import { help, type MutantsOptions, readOptions } from './options.js'
import { diff, report, verdictLine } from './report.js'
import { run } from './run.js'
import { sample } from './sample.js'

/** Mutants between two progress lines where lines cannot be redrawn. */
const PLAIN_STEP = 25

await runTool({ command: 'npm run mutants', help, readOptions, run: mutants })

async function mutants(options: MutantsOptions, { terminal, width }: ToolContext): Promise<number> {
  const all = catalogue()
  const mutants = choose(all, options)
  const drawn = options.sample === undefined ? '' : `, drawn by --seed ${options.seed}`
  const title = `${mutants.length} of ${all.length} mutants${drawn}`
  if (options.list) {
    for (const mutant of mutants) console.log(diff(mutant, terminal.paint).join('\n'))
    console.log(title)
    return 0
  }
  console.log(`${title}, ${options.workers} at a time`)
  const begun = performance.now()
  const verdicts = await tryThem(mutants, options, terminal)
  const judgement = judge(verdicts, all)
  const seconds = (performance.now() - begun) / 1_000
  console.log(report(judgement, seconds, width(), terminal.paint).join('\n'))
  if (drawn) console.log(`${title}.`)
  return judgement.passed ? 0 : 1
}

function choose(all: readonly Mutant[], { sample: size, seed, only, ids }: MutantsOptions): Mutant[] {
  const unknown = ids.find((id) => !all.some((mutant) => mutant.id === id))
  if (unknown !== undefined) throw new BadOption('id', `names no mutant: ${unknown}. See --list --all`)
  if (ids.length > 0) return all.filter(({ id }) => ids.includes(id))
  const within = only.length === 0 ? all : all.filter(({ file }) => only.some((part) => file.includes(part)))
  if (within.length === 0) throw new BadOption('only', 'names no file that is mutated')
  return size === undefined ? [...within] : sample(within, size, seed)
}

async function tryThem(mutants: readonly Mutant[], { workers, ids }: MutantsOptions, terminal: Terminal) {
  const progress = new ProgressLine('mutants', terminal, process.stdout)
  let survived = 0
  try {
    return await run(mutants, {
      workers,
      onStage: (stage) => progress.note(`first ${stage}, which must pass`),
      onVerdict: (verdict, done, total) => {
        if (verdict.status === 'survived') survived++
        if (verdict.status === 'survived' || ids.length > 0) progress.note(verdictLine(verdict))
        if (terminal.live || done % PLAIN_STEP === 0 || done === total)
          progress.update(`${done} of ${total} tried, ${survived} survived`, done, total)
      },
    })
  } finally {
    progress.stop()
  }
}
