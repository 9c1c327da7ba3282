import { PassThrough } from 'node:stream'
import { run } from '../../src/cli/run.js'

/** What a run of the program has left. */
export interface Ran {
  readonly code: number
  readonly out: string
  readonly errors: string
}

/** How a run is shown and answered. */
export interface Setting {
  readonly env?: NodeJS.ProcessEnv
  /** Columns of the terminal. @default no terminal */
  readonly columns?: number
  /** What is typed. @default no terminal to type on */
  readonly typed?: string
}

/** The words of a line as a shell reads it, without a redirection. */
export function wordsOf(line: string): string[] {
  const words = line.split(' > ')[0]!.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)
  return [...words].map(([, single, double, plain]) => single ?? double ?? plain!)
}

/** Runs the program in this process. */
export async function stockhold(
  args: readonly string[],
  { env = {}, columns, typed }: Setting = {},
): Promise<Ran> {
  let [out, errors] = ['', '']
  const terminal = columns === undefined ? {} : { isTTY: true, columns }
  const input = typed === undefined ? undefined : Object.assign(new PassThrough(), { isTTY: true })
  input?.end(typed)
  const code = await run(args, {
    output: { write: (more) => (out += more), ...terminal },
    errors: { write: (more) => (errors += more) },
    env,
    input,
  })
  return { code, out, errors }
}
