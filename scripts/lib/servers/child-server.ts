import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { endWithThisProcess } from './lifeline.js'
import { freePort } from './machine.js'

export const host = '127.0.0.1'

/** After this time the server is killed. ms */
const STOP_LIMIT = 5_000
/** Ports that are tried, since another process may take one first. */
const ATTEMPTS = 10

export interface Running {
  readonly child: ChildProcess
  readonly pid: number
  /** Resolves with how the server ended; never rejects. */
  readonly ended: Promise<string>
}

export interface Launch {
  /** For messages. */
  readonly name: string
  readonly program: string
  readonly args: readonly string[]
  /** The working directory, which also gets the output. */
  readonly dir: string
  /** Whether the folder is removed with this process. */
  readonly temporary: boolean
  readonly port: number
  readonly options: Pick<SpawnOptions, 'env' | 'uid' | 'gid'>
  readonly isReady: (pid: number) => Promise<boolean>
  /** ms */
  readonly startLimit: number
}

/**
 * Starts a server as a child that does not outlive this process, however that ends; resolves when
 * it is ready.
 */
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
  // The shell waits for a line before it becomes the server, and exits when this process is gone,
  // so no server ever runs without its watch. Detached, since this process handles Ctrl-C.
  const child = spawn('/bin/sh', ['-c', 'read -r go && exec "$0" "$@" </dev/null', program, ...args], {
    ...rest.options,
    cwd: dir,
    // With a locale that is not installed the server would not start.
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
  // A server that was not stopped does not keep this process alive.
  child.unref()
  return { child, pid, ended }
}

/** Starts a server on a free port. */
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

/** Ends the server by these signals, and kills it if it does not end in time. */
export async function end({ child, ended }: Running, ...signals: readonly NodeJS.Signals[]): Promise<void> {
  child.ref()
  for (const signal of signals) child.kill(signal)
  const force = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT)
  await ended
  clearTimeout(force)
}
