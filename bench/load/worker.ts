import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { repositoryRoot } from '../../scripts/lib/servers/machine.js'

type Message<Result, Step> = { step: Step } | { result: Result } | { error: string } | { isReady: true }

export interface Worker<Result> {
  /** When it has loaded everything and waits for {@link start}. */
  readonly ready: Promise<void>
  readonly result: Promise<Result>
  start(input: unknown): void
  /** Ends it, in case it has not ended by itself. */
  stop(): void
}

/** How a process is started. */
export interface ProcessOptions {
  /** Flags for Node, such as `--max-semi-space-size=64`. */
  readonly flags?: readonly string[]
  /** The only CPUs that it may use, as `taskset` names them. */
  readonly cpus?: string | undefined
}

/**
 * Runs a TypeScript file of bench/ that calls {@link serve} in a process of its own, and answers
 * its result. Values that travel between the two are cloned: data arrives, methods do not.
 */
export function openWorker<Result, Step>(
  file: string,
  onStep: (step: Step) => void,
  { flags = [], cpus }: ProcessOptions = {},
): Worker<Result> {
  const root = repositoryRoot()
  const pinned = cpus === undefined ? [] : ['taskset', '-c', cpus]
  const node = [process.execPath, ...flags, join(root, 'scripts/run.mjs'), join('bench', file)]
  const [program, ...args] = [...pinned, ...node]
  const child = spawn(program!, args, {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    serialization: 'advanced',
  })
  const ready = settleable<void>()
  const result = settleable<Result>()
  const fail = (error: Error) => {
    ready.reject(error)
    result.reject(error)
  }
  child.once('error', fail)
  child.once('exit', (code, signal) => fail(new Error(`${file} ended with ${signal ?? `code ${code}`}`)))
  child.on('message', (message: Message<Result, Step>) => {
    if ('step' in message) onStep(message.step)
    else if ('isReady' in message) ready.resolve()
    else if ('result' in message) result.resolve(message.result)
    else fail(new Error(message.error))
  })
  // A caller that awaits one of the two gets the failure there.
  ready.promise.catch(() => {})
  result.promise.catch(() => {})
  return {
    ready: ready.promise,
    result: result.promise,
    start: (input) => void child.send(input as object),
    stop: () => {
      if (child.connected) child.disconnect()
    },
  }
}

/**
 * In the process that {@link openWorker} starts: does the work, and ends when the other process
 * disconnects.
 */
export function serve<Input, Result, Step>(
  work: (input: Input, step: (step: Step) => void) => Promise<Result>,
): void {
  // The other process may disconnect at any time, so a message that cannot be sent is dropped.
  const send = (message: Message<Result, Step>) =>
    void process.send?.(message, undefined, undefined, () => {})
  process.once('disconnect', () => process.exit())
  process.once('message', (input: Input) => {
    work(input, (step) => send({ step })).then(
      (result) => send({ result }),
      (error) => send({ error: String(error?.stack ?? error) }),
    )
  })
  send({ isReady: true })
}

function settleable<T>() {
  let resolve!: (value: T) => void
  let reject!: (error: Error) => void
  const promise = new Promise<T>((...settle) => {
    ;[resolve, reject] = settle
  })
  return { promise, resolve, reject }
}
