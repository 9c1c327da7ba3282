import { type Terminal, terminalOf } from '../../src/cli/terminal/style.js'
import { BadOption } from '../../src/cli/tool-options.js'
import { redact } from './redact.js'

/** A program of this repository that is run by its npm script. */
export interface Tool<Options> {
  /** Such as `npm run soak`. */
  readonly command: string
  /** Printed for `--help` and `-h`. */
  readonly help: string
  /** @throws {BadOption} */
  readonly readOptions: (args: readonly string[]) => Options
  /** Answers the exit code. An error ends the tool with 1. */
  readonly run: (options: Options, context: ToolContext) => Promise<number>
  /** The exit code of an error. @default 1 */
  readonly errorCode?: number
  /**
   * What the first Ctrl-C does. `end`: the clean-ups are run, then the process ends. `finish`: the
   * tool sees {@link ToolContext.interrupted}, and comes to its end by itself. A second Ctrl-C ends
   * the process at once.
   * @default 'end'
   */
  readonly interrupt?: 'end' | 'finish'
}

export interface ToolContext {
  readonly terminal: Terminal
  /**
   * Columns for a report: one less than the terminal has, since terminals differ in what a full
   * line does.
   */
  readonly width: (standard?: number) => number
  /** Aborted by the first Ctrl-C. */
  readonly interrupted: AbortSignal
  /**
   * Has the clean-up run if a signal ends the tool. The function that is answered takes it back.
   */
  cleanUp(cleanUp: () => Promise<unknown>): () => void
}

const exitCodes = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const
const BAD_OPTION = 2
const LEAST_WIDTH = 40

/** Reads the options, runs the tool and ends the process with the tool's exit code. */
export async function runTool<Options>(tool: Tool<Options>, args = process.argv.slice(2)): Promise<void> {
  if (args.includes('--help') || args.includes('-h')) {
    console.log(tool.help.trimEnd())
    return
  }
  const code = await run(tool, args).catch((error: Error) => {
    console.error(redact(error.message))
    if (!(error instanceof BadOption)) return tool.errorCode ?? 1
    console.error(`Try: ${tool.command} -- --help`)
    return BAD_OPTION
  })
  // A tool that failed may have left connections behind, which would keep the process alive.
  process.stdout.write('', () => process.exit(code))
}

async function run<Options>(tool: Tool<Options>, args: readonly string[]): Promise<number> {
  const options = tool.readOptions(args)
  const controller = new AbortController()
  const cleanUps = new Set<() => Promise<unknown>>()
  const end = async (code: number) => {
    if (controller.signal.aborted) process.exit(code)
    controller.abort()
    await Promise.all([...cleanUps].map((cleanUp) => cleanUp())).catch(notRemoved)
    process.exit(code)
  }
  const finishes = tool.interrupt === 'finish'
  if (finishes) {
    process.on('SIGINT', (signal) => {
      if (controller.signal.aborted) process.exit(exitCodes[signal as 'SIGINT'])
      controller.abort()
    })
  } else {
    for (const [signal, code] of Object.entries(exitCodes)) process.on(signal, () => void end(code))
  }
  // A reader such as `head` has read enough, so every further write fails.
  process.stdout.on('error', () => void end(1))
  const context: ToolContext = {
    terminal: terminalOf(process.stdout, process.env),
    width: (standard = 120) => {
      const { columns } = process.stdout
      return columns === undefined ? standard : Math.max(LEAST_WIDTH, columns - 1)
    },
    interrupted: controller.signal,
    cleanUp: (cleanUp) => {
      cleanUps.add(cleanUp)
      return () => cleanUps.delete(cleanUp)
    },
  }
  try {
    return await tool.run(options, context)
  } finally {
    // The calls under way fail while the clean-ups run; the process ends after those.
    if (controller.signal.aborted && !finishes) await new Promise(() => {})
  }
}

function notRemoved(error: Error): void {
  console.error(redact(`\nNot everything could be removed: ${error.message}`))
}
