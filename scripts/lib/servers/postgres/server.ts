import { existsSync } from 'node:fs'
import { chown, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { end, host, launch, onFreePort, type Running } from '../child-server.js'
import { minute, reason, run } from '../command.js'
import { publish } from '../provision.js'
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
  /**
   * SIGKILL, to the server and everything it has started: what a crash of the machine leaves, but
   * for the disk's cache.
   */
  kill(): Promise<void>
  /** Starts the server again after `kill()`: same port, same data. */
  restart(): Promise<void>
}

export interface PostgresOptions {
  /** Settings as in postgresql.conf. What is not named here is PostgreSQL's default: fsync, too. */
  config?: Record<string, string>
  log?: (line: string) => void
}

const startLimit = 60_000

/**
 * Names a folder for the data folder that `initdb` makes: processes that share it run `initdb` once
 * and copy the result, which takes a tenth of the time.
 */
export const TEMPLATES = 'STOCKHOLD_POSTGRES_TEMPLATES'

/**
 * Starts a PostgreSQL server for this process alone, in a temporary folder; it does not outlive the
 * process.
 */
export async function startPostgres(options: PostgresOptions = {}): Promise<PostgresServer> {
  const binaries = await postgresBinaries(options)
  const dir = await mkdtemp(join(tmpdir(), 'stockhold-postgres-'))
  const discard = () => rm(dir, { recursive: true, force: true, maxRetries: 3 })
  const start = (port: number) => launchIn(dir, binaries, port, options.config)
  const first = initialise(binaries, dir).then(() => onFreePort(start))
  const { port, running } = await first.catch(async (error) => {
    await discard()
    throw error
  })
  let current = running
  options.log?.(`${binaries.folder}/postgres on ${host}:${port}, process ${current.pid}`)

  return {
    url: `postgres://stockhold@${host}:${port}/postgres`,
    host,
    port,
    dir,
    get pid() {
      return current.pid
    },
    async stop() {
      // The immediate shutdown: no checkpoint of what is thrown away, but shared memory is given
      // back.
      await end(current, 'SIGQUIT')
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
      current = await start(port)
    },
  }
}

async function initialise(binaries: PostgresBinaries, dir: string): Promise<void> {
  const { folder, user } = binaries
  if ('uid' in user) await chown(dir, user.uid, user.gid)
  const templates = process.env[TEMPLATES]
  const template = templates && join(templates, folder.replaceAll('/', '-'))
  const data = join(dir, 'data')
  try {
    if (template && existsSync(template)) return await copy(template, data)
    await initdb(binaries, dir)
    if (!template) return
    const work = await mkdtemp(join(templates, 'work-'))
    await copy(data, join(work, 'data'))
    await publish(join(work, 'data'), template)
  } catch (error) {
    throw new Error(`the folder of a PostgreSQL server could not be made: ${reason(error)}`)
  }
}

async function initdb({ folder, user }: PostgresBinaries, dir: string): Promise<void> {
  const flags = ['--username=stockhold', '--auth=trust', '--encoding=UTF8', '--no-locale', '--no-sync']
  const options = { ...user, cwd: dir, env: { ...process.env, LC_ALL: 'C' }, timeout: 2 * minute }
  await run(join(folder, 'initdb'), ['-D', 'data', ...flags], options)
}

/** The copy has the same owner, who is not the user of this process if this process is root. */
async function copy(from: string, to: string): Promise<void> {
  await run('cp', ['-a', from, to], { timeout: 2 * minute })
}

function launchIn(
  dir: string,
  { folder, user }: PostgresBinaries,
  port: number,
  config: Record<string, string> = {},
): Promise<Running> {
  const fixed = { listen_addresses: host, port: String(port), unix_socket_directories: '' }
  // Shared memory as a file in the server's folder: what is killed cannot clean up elsewhere.
  const all = { dynamic_shared_memory_type: 'mmap', ...config, ...fixed }
  const args = ['-D', 'data', ...Object.entries(all).map(([name, value]) => `--${name}=${value}`)]
  return launch({
    name: 'PostgreSQL',
    program: join(folder, 'postgres'),
    args,
    dir,
    temporary: true,
    port,
    startLimit,
    options: { ...user, env: process.env },
    isReady: () => isReady(dir),
  })
}

/**
 * The server says so in a file of its own folder; an answer on the port could be another server's.
 */
async function isReady(dir: string): Promise<boolean> {
  const text = await readFile(join(dir, 'data', 'postmaster.pid'), 'utf8').catch(() => '')
  return /^ready\s*$/m.test(text)
}
