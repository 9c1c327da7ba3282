import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { endWithThisProcess } from './lifeline.js'
import { freePort } from './machine.js'

export const host = '127.0.0.1'

/** Until it is killed, whatever it is doing. ms */
const STOP_LIMIT = 5_000
/** Ports that are tried: another process may be quicker to take one. */
const ATTEMPTS = 10

export interface Running {
  readonly child: ChildProcess
  readonly pid: number
  /** Settles with how it ended, never rejects. */
  readonly ended: Promise<string>
}

export interface Launch {
  /** For messages. */
  readonly name: string
  readonly program: string
  readonly args: readonly string[]
  /** Where it runs, and leaves its output. */
  readonly dir: string
  /** The folder goes when this process does. */
  readonly temporary: boolean
  readonly port: number
  readonly options: Pick<SpawnOptions, 'env' | 'uid' | 'gid'>
  readonly isReady: (pid: number) => Promise<boolean>
  /** ms */
  readonly startLimit: number
}

/** Starts a server as a child that does not outlive this process, however that ends; settles when it is ready. */
export async function launch({
  name,
  program,
  args,
  dir,
  temporary,
  port,
  ...rest
}: Launch): Promise<Running> {
  const logFile = join(dir, `${name.toLowerCase()}.log`)
  const output = openSync(logFile, 'w')
  // The shell waits for a line before it becomes the server, and gives up when this process is gone: so there
  // is no moment at which a server runs that nobody watches. Detached, as Ctrl-C is for this process to handle.
  const child = spawn('/bin/sh', ['-c', 'read -r go && exec "$0" "$@" </dev/null', program, ...args], {
    ...rest.options,
    cwd: dir,
    // A locale that is not installed on the machine would keep the server from starting.
    env: { ...rest.options.env, LC_ALL: 'C' },
    stdio: ['pipe', output, output],
    detached: true,
  })
  closeSync(output)
  let death: string | undefined
  const ended = new Promise<string>((settle) => {
    child.once('error', (error) => settle(error.message))
    child.once('exit', (code, signal) => settle(signal ? `signal ${signal}` : `exit code ${code}`))
  })
  void ended.then((how) => {
    death = how
  })
  child.stdin?.on('error', () => {})
  const { pid } = child
  if (pid === undefined) throw new Error(`${name} could not be started: ${await ended}`)
  endWithThisProcess(child, temporary ? dir : undefined)
  child.stdin?.end('go\n')

  const deadline = Date.now() + rest.startLimit
  while (!(await rest.isReady(pid))) {
    if (death === undefined && Date.now() < deadline) {
      await Promise.race([delay(10), ended])
      continue
    }
    child.kill('SIGKILL')
    await ended
    const how = death ?? `not ready within ${rest.startLimit / 1000} s`
    const text = await readFile(logFile, 'utf8').catch(() => '')
    throw new Error(`${name} did not start on ${host}:${port} (${how}). Its output:\n${text}`)
  }
  // A forgotten server shall not keep this process from ending.
  child.unref()
  return { child, pid, ended }
}

/** Starts it on a port that nobody else has. */
export async function onFreePort(
  start: (port: number) => Promise<Running>,
): Promise<{ port: number; running: Running }> {
  for (let attempt = 1; ; attempt++) {
    const port = await freePort()
    try {
      return { port, running: await start(port) }
    } catch (error) {
      if (attempt === ATTEMPTS || !/address already in use/i.test((error as Error).message)) throw error
    }
  }
}

/** Asks it to end by these signals, and ends it if it does not. */
export async function end({ child, ended }: Running, ...signals: readonly NodeJS.Signals[]): Promise<void> {
  child.ref()
  for (const signal of signals) child.kill(signal)
  const force = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT)
  await ended
  clearTimeout(force)
}
