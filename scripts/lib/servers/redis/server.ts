import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { end, host, launch, onFreePort } from '../child-server.js'
import { redisServerBinary } from './provision.js'

export interface RedisServer {
  readonly url: string
  readonly host: string
  readonly port: number
  /**
   * The path of its Unix domain socket: a round trip takes half of the CPU that it takes over TCP.
   */
  readonly socket: string
  /** Of the running process; `restart()` changes it. */
  readonly pid: number
  readonly dir: string
  /** Ends the server and removes its folder, unless the caller gave the folder. */
  stop(): Promise<void>
  /**
   * Sends a signal, by default SIGKILL, and waits for the end of the process unless it only stops
   * or continues it.
   */
  kill(signal?: NodeJS.Signals): Promise<void>
  /**
   * Ends the server if it runs, and starts it again with the same port, folder and configuration.
   */
  restart(): Promise<void>
}

export interface RedisOptions {
  /**
   * Directives as in redis.conf, on top of `save ""` and `appendonly no`; values are written as
   * they are.
   */
  config?: Record<string, string>
  /** Functions work, whatever {@link FUNCTIONS} says. */
  functions?: true
  /** The folder of the server, which `stop()` keeps; without it a temporary folder. */
  dir?: string
  log?: (line: string) => void
}

const startLimit = 60_000
const SOCKET = 'redis.sock'

/** Starts a Redis server that does not outlive this process, however that ends. */
export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  const binary = await redisServerBinary(options)
  const temporary = options.dir === undefined
  const dir = resolve(options.dir ?? (await mkdtemp(join(tmpdir(), 'stockhold-redis-'))))
  await mkdir(dir, { recursive: true })
  const discard = async () => {
    if (temporary) await rm(dir, { recursive: true, force: true, maxRetries: 3 })
  }
  const start = async (port: number) => {
    await repairAppendOnlyFile(binary, dir)
    return launch({
      name: 'Redis',
      program: binary.path,
      args: ['redis.conf'],
      dir,
      temporary,
      port,
      startLimit,
      options: { env: binary.env },
      isReady: (pid) => answers(port, pid, options.config?.requirepass),
    })
  }
  const first = onFreePort(async (port) => {
    await writeFile(join(dir, 'redis.conf'), configFile(port, options))
    return start(port)
  })
  const { port, running } = await first.catch(async (error) => {
    await discard()
    throw error
  })
  let current = running
  let stopped = false
  options.log?.(`${binary.path} on ${host}:${port}, process ${current.pid}`)
  // A stopped server handles SIGTERM only after SIGCONT.
  const finish = () => end(current, 'SIGTERM', 'SIGCONT')

  return {
    url: `redis://${host}:${port}`,
    host,
    port,
    socket: join(dir, SOCKET),
    dir,
    get pid() {
      return current.pid
    },
    async stop() {
      stopped = true
      await finish()
      await discard()
    },
    async kill(signal = 'SIGKILL') {
      current.child.kill(signal)
      if (signal === 'SIGSTOP' || signal === 'SIGCONT') return
      current.child.ref()
      await current.ended
    },
    async restart() {
      if (stopped) throw new Error('This Redis server was stopped, and its folder is removed.')
      await finish()
      current = await start(port)
      options.log?.(`restarted on ${host}:${port}, process ${current.pid}`)
    },
  }
}

/**
 * Cuts the transaction off that a killed server has written half of. Servers before Valkey's fix
 * cut off its last command only: those before it are part of the next transaction that is loaded.
 *
 * @see https://github.com/valkey-io/valkey/pull/4342
 */
async function repairAppendOnlyFile(
  { path, env }: Awaited<ReturnType<typeof redisServerBinary>>,
  dir: string,
): Promise<void> {
  const manifest = join(dir, 'appendonlydir', 'appendonly.aof.manifest')
  if (!existsSync(manifest)) return
  // The server is this tool, too, by either name.
  const tool = spawn(path, ['--fix', manifest], {
    ...{ argv0: 'redis-check-aof valkey-check-aof', env, stdio: ['pipe', 'ignore', 'ignore'] as const },
  })
  // If nothing is to be repaired, it does not ask.
  tool.stdin.on('error', () => {}).end('y\n')
  const [code] = await once(tool, 'exit')
  if (code !== 0) throw new Error(`The append-only file in ${dir} cannot be repaired: exit code ${code}.`)
}

/** Set to `no`, this variable makes servers of tests refuse functions, as some hosters do. */
export const FUNCTIONS = 'STOCKHOLD_TEST_FUNCTIONS'

function configFile(port: number, { config, functions }: RedisOptions): string {
  // The last directives cannot be overridden, since this module relies on them. The folder is the
  // working directory.
  const fixed = { bind: host, port: String(port), unixsocket: SOCKET, daemonize: 'no', supervised: 'no' }
  const refused = !functions && process.env[FUNCTIONS] === 'no' ? { 'rename-command': 'FUNCTION ""' } : {}
  const directives = Object.entries({ save: '', appendonly: 'no', ...refused, ...config, ...fixed })
  return directives.map(([name, value]) => `${name} ${value === '' ? '""' : value}\n`).join('')
}

/** Whether the server with this process id, and not another one on the port, answers PING. */
async function answers(port: number, pid: number, password: string | undefined): Promise<boolean> {
  const socket = connect({ host, port })
  socket.setTimeout(1_000, () => socket.destroy())
  socket.on('error', () => {})
  socket.write(`${password ? `AUTH ${password}\r\n` : ''}PING\r\nINFO server\r\n`)
  let reply = ''
  socket.setEncoding('latin1').on('data', (chunk) => {
    reply += chunk
    if (reply.includes('\r\nprocess_id:')) socket.end()
  })
  await new Promise((settle) => socket.once('close', settle))
  return reply.includes('+PONG\r\n') && reply.includes(`\r\nprocess_id:${pid}\r\n`)
}
