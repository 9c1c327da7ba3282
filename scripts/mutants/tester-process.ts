import { type ChildProcess, fork } from 'node:child_process'
import { join } from 'node:path'
import { root } from './catalogue.js'
import type { Task, Word } from './protocol.js'

export type Outcome = Extract<Word, { type: 'result' | 'fault' }> | { readonly type: 'stalled' }

/** A tester, which is replaced by a new one after it has hung. */
export class TesterProcess {
  #child: Promise<ChildProcess> | undefined

  /** @param stallMs After this time without a message the tester counts as hung. */
  async run(task: Task, stallMs: number): Promise<Outcome> {
    this.#child ??= start()
    const child = await this.#child
    return new Promise((resolve) => {
      let timer: NodeJS.Timeout
      const settle = (outcome: Outcome) => {
        clearTimeout(timer)
        child.off('message', hear)
        child.off('exit', ended)
        if (outcome.type !== 'result') {
          this.#child = undefined
          child.kill('SIGKILL')
        }
        resolve(outcome)
      }
      const wait = () => {
        clearTimeout(timer)
        timer = setTimeout(() => settle({ type: 'stalled' }), stallMs)
      }
      const hear = (word: Word) => {
        if (word.type === 'result' || word.type === 'fault') settle(word)
        else wait()
      }
      // Most likely out of memory, by a loop that allocates for ever.
      const ended = () => settle({ type: 'stalled' })
      child.on('message', hear)
      child.once('exit', ended)
      wait()
      child.send(task)
    })
  }

  async stop(): Promise<void> {
    const child = await this.#child?.catch(() => undefined)
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const ended = new Promise((settle) => child.once('exit', settle))
    child.disconnect()
    const force = setTimeout(() => child.kill('SIGKILL'), 5_000)
    await ended
    clearTimeout(force)
  }
}

function start(): Promise<ChildProcess> {
  const child = fork(join(root, 'scripts/run.mjs'), ['scripts/mutants/tester.ts'], {
    cwd: root,
    // A mutant that allocates for ever hits this limit, not that of the machine. The seed makes
    // runs repeatable; fewer runs of a property find nearly as much.
    execArgv: ['--max-old-space-size=1024'],
    env: {
      ...{ STOCKHOLD_SEED: '20260101', STOCKHOLD_RUNS: '25', STOCKHOLD_SHRINK: 'no' },
      ...process.env,
      NODE_ENV: 'test',
    },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  let output = ''
  child.stderr!.on('data', (chunk) => {
    output = (output + chunk).slice(-2_000)
  })
  return new Promise((resolve, reject) => {
    child.once('message', () => resolve(child))
    child.once('exit', () => reject(new Error(`the tester did not start:\n${output}`)))
  })
}
