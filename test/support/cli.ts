import { PassThrough } from 'node:stream'
import { expect, onTestFinished } from 'vitest'
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

/** A run that goes on. */
export interface Running {
  /** What it has printed so far. */
  readonly printed: { readonly out: string; readonly errors: string }
  readonly ended: Promise<Ran>
  /** Ctrl-C, as this run alone hears it. */
  interrupt(): Promise<Ran>
}

/** Begins a run of the program in this process. */
export function begin(args: readonly string[], { env = {}, columns, typed }: Setting = {}): Running {
  const others = new Set(process.rawListeners('SIGINT'))
  const printed = { out: '', errors: '' }
  const terminal = columns === undefined ? {} : { isTTY: true, columns }
  const input = typed === undefined ? undefined : Object.assign(new PassThrough(), { isTTY: true })
  input?.end(typed)
  const ended = run(args, {
    output: { write: (more) => (printed.out += more), ...terminal },
    errors: { write: (more) => (printed.errors += more) },
    env,
    input,
  }).then((code) => ({ code, ...printed }))
  const interrupt = () => {
    for (const listener of process.rawListeners('SIGINT')) if (!others.has(listener)) listener('SIGINT')
    return ended
  }
  return { printed, ended, interrupt }
}

/** Runs the program in this process. */
export function stockhold(args: readonly string[], setting?: Setting): Promise<Ran> {
  return begin(args, setting).ended
}

/** A control room that the program serves until Ctrl-C. */
export interface OpenedRoom extends Running {
  readonly origin: string
  readonly token: string
  /** Without a token or a cookie, unless it is told. */
  get(path: string, headers?: Record<string, string>): Promise<Response>
  /** Opens the link as a browser does. Resolves with the cookie. */
  enter(): Promise<{ readonly cookie: string }>
}

/** Runs `control-room --json` until the end of the test at the latest. */
export async function openControlRoom(args: readonly string[], setting?: Setting): Promise<OpenedRoom> {
  const running = begin(['control-room', '--json', ...args], setting)
  const { printed, interrupt } = running
  onTestFinished(async () => void (await interrupt()))
  await expect.poll(() => printed.out + printed.errors).toContain('\n')
  const { origin, searchParams } = new URL(JSON.parse(printed.out).url)
  const token = searchParams.get('token')!
  const get = (path: string, headers: Record<string, string> = {}) =>
    fetch(origin + path, { headers, redirect: 'manual' })
  return {
    ...{ ...running, origin, token, get },
    async enter() {
      const [cookie] = (await get(`/?token=${token}`)).headers.get('set-cookie')!.split(';')
      return { cookie: cookie! }
    },
  }
}
