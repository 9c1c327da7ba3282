import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Told, View } from '../../src/control-room/view.js'
import { until } from '../lib/until.js'
import type { Program } from '../lib/workers.js'

/** What a command of `npx stockhold` has printed. */
export interface Ran {
  readonly code: number
  /** The value of `--json`. */
  // biome-ignore lint/suspicious/noExplicitAny: each command has a value of its own.
  readonly value: any
}

/** The person on duty: a terminal with `npx stockhold`, and the page of its control room. */
export class Operator {
  readonly #program: readonly string[]
  readonly #env: NodeJS.ProcessEnv
  #served: ChildProcess | undefined
  #ended: Promise<unknown> | undefined
  #origin = ''
  #cookie = ''
  #latest: Told | undefined

  constructor({ root, env }: Program, servers: { readonly redis: string; readonly postgres: string }) {
    this.#program = [join(root, 'scripts/run.mjs'), 'src/cli/main.ts']
    this.#env = { ...env, REDIS_URL: servers.redis, POSTGRES_URL: servers.postgres }
  }

  /** Runs a command to its end. Rejects if it did not end by itself, or printed no JSON. */
  async stockhold(line: string): Promise<Ran> {
    const all = [...this.#program, ...line.split(' '), '--json']
    const options = { env: this.#env, maxBuffer: 2 ** 26 }
    const { code, stdout, stderr } = await new Promise<{ code: number; stdout: string; stderr: string }>(
      (resolve, reject) =>
        execFile(process.execPath, all, options, (error, stdout, stderr) => {
          // After a signal there is no code, and after a failure of the call it is a word.
          const code = error === null ? 0 : error.code
          if (typeof code === 'number') resolve({ code, stdout, stderr })
          else reject(error)
        }),
    )
    return { code, value: stdout === '' ? stderr : JSON.parse(stdout) }
  }

  /** Opens the control room in a browser of one, live. */
  async open(): Promise<void> {
    const args = [...this.#program, 'control-room', '--json', '--as', 'ann']
    this.#served = spawn(process.execPath, args, { env: this.#env, stdio: ['ignore', 'pipe', 'inherit'] })
    this.#ended = once(this.#served, 'exit')
    const lines = createInterface({ input: this.#served.stdout! })[Symbol.asyncIterator]()
    const { url } = JSON.parse((await lines.next()).value)
    this.#origin = new URL(url).origin
    const entered = await fetch(url, { redirect: 'manual' })
    this.#cookie = entered.headers.get('set-cookie')!.split(';')[0]!
    const events = await fetch(`${this.#origin}/events`, { headers: { cookie: this.#cookie } })
    void this.#watch(events.body!).catch(() => {})
  }

  /** Waits until the page shows this. */
  async sees(what: string, isShown: (view: View) => boolean): Promise<View> {
    const shown = () => {
      const { problem, view } = this.#latest ?? {}
      return problem === null && view && isShown(view) ? view : undefined
    }
    return until(`the page shows ${what}`, async () => shown())
  }

  /** Presses a button of the page. */
  async operate(operation: string, target: string, given: object): Promise<void> {
    const headers = {
      ...{ cookie: this.#cookie, 'content-type': 'application/json', 'stockhold-control-room': '1' },
    }
    const body = JSON.stringify({ operation, target, arguments: given, reason: 'the drill' })
    const answer = await fetch(`${this.#origin}/operations`, { method: 'POST', headers, body })
    if (!answer.ok) throw new Error(`${operation} was answered ${answer.status}: ${await answer.text()}`)
  }

  async close(): Promise<void> {
    this.#served?.kill('SIGTERM')
    await this.#ended
  }

  async #watch(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder()
    let text = ''
    for await (const chunk of stream) {
      text += decoder.decode(chunk, { stream: true })
      const blocks = text.split('\n\n')
      text = blocks.pop()!
      for (const data of blocks.flatMap((block) => /^data: (.*)$/m.exec(block)?.[1] ?? []))
        this.#latest = JSON.parse(data)
    }
  }
}
