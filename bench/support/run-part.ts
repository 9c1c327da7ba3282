import { performance } from 'node:perf_hooks'
import { redactAll } from '../../scripts/lib/redact.js'
import type { ToolContext } from '../../scripts/lib/run-tool.js'
import { ProgressLine } from '../../scripts/lib/terminal/progress-line.js'
import type { Part, PartResult } from '../part.js'
import { checkResult } from '../report/read.js'
import type { PartReport } from '../report/report.js'
import { PartContext, type PartOptions } from './part-context.js'

/**
 * Runs a part in a context of its own. A part that fails is a broken invariant, and the suite goes
 * on.
 */
export async function runPart(
  part: Part,
  options: PartOptions,
  { terminal, cleanUp }: ToolContext,
  stream: NodeJS.WriteStream,
): Promise<PartReport> {
  const progress = new ProgressLine(part.name, terminal, stream)
  const context = new PartContext(options, progress)
  const forget = cleanUp(() => context.close())
  const crash = watchForCrash()
  const started = performance.now()
  let result: PartResult
  try {
    result = await Promise.race([part.run(context), crash.promise])
    checkResult(result)
  } catch (error) {
    // The stack is shown on the terminal only: the report is passed around.
    if (error instanceof Error && error.stack) progress.note(error.stack)
    result = failure('the part runs to its end', error)
  }
  const seconds = (performance.now() - started) / 1_000
  try {
    await context.close()
  } catch (error) {
    const { invariants } = failure('everything that the part made is removed', error)
    result = { ...result, invariants: [...result.invariants, ...invariants] }
  } finally {
    forget()
    crash.forget()
    progress.stop()
  }
  return redactAll({ name: part.name, question: part.question, seconds, ...result })
}

function failure(rule: string, error: unknown): PartResult {
  const detail = error instanceof Error ? error.message : String(error)
  return { figures: [], tables: [], charts: [], invariants: [{ rule, holds: false, detail }] }
}

/** An uncaught error would end the process with its servers running; it fails the part instead. */
function watchForCrash(): { readonly promise: Promise<never>; forget(): void } {
  let fail: (error: unknown) => void = () => {}
  const promise = new Promise<never>((_, reject) => {
    fail = reject
  })
  promise.catch(() => {})
  const watch = (error: unknown) => fail(error)
  process.on('uncaughtException', watch)
  return { promise, forget: () => process.off('uncaughtException', watch) }
}
