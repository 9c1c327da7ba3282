import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { chown, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { minute, reason, run } from '../redis/apt.js'
import { endWithThisProcess } from '../servers/lifeline.js'
import { freePort } from '../servers/machine.js'
import { type PostgresBinaries, postgresBinaries } from './provision.js'

export interface PostgresServer {
  /** With the user and the database in it, for `new Pool({ connectionString: url })`. */
  readonly url: string
  readonly host: string
  readonly port: number
  /** Of the process running now; another one after `restart()`. */
  readonly pid: number
  readonly dir: string
  /** Ends the server, without saving anything, and removes its folder. */
  stop(): Promise<void>
  /** SIGKILL, to the server and everything it has started: what a crash of the machine leaves, but for the disk's cache. */
  kill(): Promise<void>
  /** Starts the server again after `kill()`: same port, same data. */
  restart(): Promise<void>
}

export interface PostgresOptions {
  /** Settings as in postgresql.conf. What is not named here is PostgreSQL's default: fsync, too. */
  config?: Record<string, string>
  log?: (line: string) => void
}

interface Running {
  child: ChildProcess
  pid: number
  /** Settles with how it ended, never rejects. */
  ended: Promise<string>
}

const host = '127.0.0.1'
const startLimit = 30_000
const stopLimit = 5_000

/** Starts a PostgreSQL server for this process alone, in a temporary folder; it does not outlive the process. */
export async function startPostgres(options: PostgresOptions = {}): Promise<PostgresServer> {
  const binaries = await postgresBinaries(options)
  const dir = await mkdtemp(join(tmpdir(), 'stockhold-postgres-'))
  const discard = () => rm(dir, { recursive: true, force: true, maxRetries: 3 })
  try {
    await initialise(binaries, dir)
    for (let attempt = 1; ; attempt++) {
      const port = await freePort()
      const running = await launch(binaries, dir, port, options.config).catch((error: Error) => {
        if (attempt === 10 || !/address already in use/i.test(error.message)) throw error
        return undefined
      })
      if (!running) continue
      options.log?.(`${binaries.folder}/postgres on ${host}:${port}, process ${running.pid}`)
      return serverOf(running, port, dir, () => launch(binaries, dir, port, options.config), discard)
    }
  } catch (error) {
    await discard()
    throw error
  }
}

function serverOf(
  running: Running,
  port: number,
  dir: string,
  start: () => Promise<Running>,
  discard: () => Promise<void>,
): PostgresServer {
  let current = running
  return {
    url: `postgres://stockhold@${host}:${port}/postgres`,
    host,
    port,
    dir,
    get pid() {
      return current.pid
    },
    async stop() {
      await end(current)
      await discard()
    },
    async kill() {
      current.child.ref()
      // Its backends would end by themselves, but not before they have answered.
      process.kill(-current.pid, 'SIGKILL')
      await current.ended
      await rm(join(dir, 'data', 'postmaster.pid'), { force: true })
    },
    async restart() {
      current = await start()
    },
  }
}

async function initialise({ folder, user }: PostgresBinaries, dir: string): Promise<void> {
  if ('uid' in user) await chown(dir, user.uid, user.gid)
  const flags = ['--username=stockhold', '--auth=trust', '--encoding=UTF8', '--no-locale', '--no-sync']
  const options = { ...user, cwd: dir, env: { ...process.env, LC_ALL: 'C' }, timeout: 2 * minute }
  await run(join(folder, 'initdb'), ['-D', 'data', ...flags], options).catch((error) => {
    throw new Error(`the folder of a PostgreSQL server could not be made: ${reason(error)}`)
  })
}

async function launch(
  { folder, user }: PostgresBinaries,
  dir: string,
  port: number,
  config: Record<string, string> = {},
): Promise<Running> {
  const fixed = { listen_addresses: host, port: String(port), unix_socket_directories: '' }
  // Shared memory as a file in the server's folder: what is killed cannot clean up elsewhere.
  const all = { dynamic_shared_memory_type: 'mmap', ...config, ...fixed }
  const settings = Object.entries(all).map(([name, value]) => `--${name}=${value}`)
  const logFile = join(dir, 'postgres.log')
  const output = openSync(logFile, 'w')
  // As for Redis: no server runs that nobody watches, hence the shell that waits for a line before it becomes one.
  const script = 'read -r go && exec "$0" "$@" </dev/null'
  const program = join(folder, 'postgres')
  const child = spawn('/bin/sh', ['-c', script, program, '-D', 'data', ...settings], {
    ...user,
    cwd: dir,
    env: { ...process.env, LC_ALL: 'C' },
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
  if (pid === undefined) throw new Error(`PostgreSQL could not be started: ${await ended}`)
  endWithThisProcess(child, dir)
  child.stdin?.end('go\n')

  const deadline = Date.now() + startLimit
  while (!(await isReady(dir))) {
    if (death === undefined && Date.now() < deadline) {
      await Promise.race([delay(20), ended])
      continue
    }
    child.kill('SIGKILL')
    await ended
    const how = death ?? `not ready within ${startLimit / 1000} s`
    const text = await readFile(logFile, 'utf8').catch(() => '')
    throw new Error(`PostgreSQL did not start on ${host}:${port} (${how}). Its output:\n${text}`)
  }
  // A forgotten server shall not keep this process from ending.
  child.unref()
  return { child, pid, ended }
}

/** The server says so in a file of its own folder; an answer on the port could be another server's. */
async function isReady(dir: string): Promise<boolean> {
  const text = await readFile(join(dir, 'data', 'postmaster.pid'), 'utf8').catch(() => '')
  return /^ready\s*$/m.test(text)
}

async function end({ child, ended }: Running): Promise<void> {
  child.ref()
  // The immediate shutdown: no checkpoint of what is thrown away, but shared memory is given back.
  child.kill('SIGQUIT')
  const force = setTimeout(() => child.kill('SIGKILL'), stopLimit)
  await ended
  clearTimeout(force)
}
