import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { endWithThisProcess } from '../servers/lifeline.js'
import { freePort } from '../servers/machine.js'
import { type RedisBinary, redisServerBinary } from './provision.js'

export interface RedisServer {
  readonly url: string
  readonly host: string
  readonly port: number
  /** Of the process running now; another one after `restart()`. */
  readonly pid: number
  readonly dir: string
  /** Ends the server and removes its folder, unless that was given by the caller. */
  stop(): Promise<void>
  /** Sends a signal (SIGKILL unless told) and, if it is one that ends a process, waits for the end. */
  kill(signal?: NodeJS.Signals): Promise<void>
  /** Ends the server if it still runs and starts it again: same port, same folder, same configuration. */
  restart(): Promise<void>
}

export interface RedisOptions {
  /** Directives as in redis.conf, on top of `save ""` and `appendonly no`; values are written as they are. */
  config?: Record<string, string>
  /** The server's folder, kept by `stop()`; without it a temporary one is made and removed again. */
  dir?: string
  log?: (line: string) => void
}

interface Running {
  child: ChildProcess
  pid: number
  /** Settles with how it ended, never rejects. */
  ended: Promise<string>
}

const host = '127.0.0.1'
const startLimit = 20_000
const stopLimit = 5_000

/** Starts a Redis server for this process alone; it does not outlive the process, however that ends. */
export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  const binary = await redisServerBinary(options)
  const temporary = options.dir === undefined
  const dir = resolve(options.dir ?? (await mkdtemp(join(tmpdir(), 'stockhold-redis-'))))
  await mkdir(dir, { recursive: true })
  const discard = async () => {
    if (temporary) await rm(dir, { recursive: true, force: true, maxRetries: 3 })
  }
  const launch = (port: number) => launchServer(binary, dir, port, temporary, options.config?.requirepass)

  let port = 0
  let running: Running | undefined
  let stopped = false
  try {
    for (let attempt = 1; !running; attempt++) {
      port = await freePort()
      await writeFile(join(dir, 'redis.conf'), configFile(port, options.config))
      running = await launch(port).catch((error: Error) => {
        if (attempt === 10 || !/address already in use/i.test(error.message)) throw error
        return undefined
      })
    }
  } catch (error) {
    await discard()
    throw error
  }
  let current = running
  options.log?.(`${binary.path} on ${host}:${port}, process ${current.pid}`)

  return {
    url: `redis://${host}:${port}`,
    host,
    port,
    dir,
    get pid() {
      return current.pid
    },
    async stop() {
      stopped = true
      await end(current)
      await discard()
    },
    async kill(signal = 'SIGKILL') {
      current.child.kill(signal)
      if (signal === 'SIGSTOP' || signal === 'SIGCONT') return
      current.child.ref()
      await current.ended
    },
    async restart() {
      if (stopped) throw new Error('this Redis server was stopped, its folder is gone')
      await end(current)
      current = await launch(port)
      options.log?.(`restarted on ${host}:${port}, process ${current.pid}`)
    },
  }
}

function configFile(port: number, config: Record<string, string> = {}): string {
  // The last lines are not for overriding: this module relies on them. The folder is the working directory.
  const fixed = { bind: host, port: String(port), daemonize: 'no', supervised: 'no' }
  const directives = Object.entries({ save: '', appendonly: 'no', ...config, ...fixed })
  return directives.map(([name, value]) => `${name} ${value === '' ? '""' : value}\n`).join('')
}

async function launchServer(
  binary: RedisBinary,
  dir: string,
  port: number,
  temporary: boolean,
  password: string | undefined,
): Promise<Running> {
  const logFile = join(dir, 'redis.log')
  const output = openSync(logFile, 'w')
  // The shell waits for a line before it becomes the server, and gives up when this process is gone: so there
  // is no moment at which a server runs that nobody watches. Detached, as Ctrl-C is for this process to handle.
  const child = spawn('/bin/sh', ['-c', 'read -r go && exec "$0" redis.conf </dev/null', binary.path], {
    cwd: dir,
    // A locale that is not installed on the machine would keep the server from starting.
    env: { ...binary.env, LC_ALL: 'C' },
    stdio: ['pipe', output, output],
    detached: true,
  })
  closeSync(output)
  const ended = new Promise<string>((settle) => {
    child.once('error', (error) => settle(error.message))
    child.once('exit', (code, signal) => settle(signal ? `signal ${signal}` : `exit code ${code}`))
  })
  child.stdin?.on('error', () => {})
  const pid = child.pid
  if (pid === undefined) throw new Error(`Redis could not be started: ${await ended}`)
  endWithThisProcess(child, temporary ? dir : undefined)
  child.stdin?.end('go\n')

  let death: string | undefined
  void ended.then((how) => {
    death = how
  })
  const deadline = Date.now() + startLimit
  while (!(await answers(port, pid, password))) {
    if (death === undefined && Date.now() < deadline) {
      await Promise.race([delay(10), ended])
      continue
    }
    child.kill('SIGKILL')
    await ended
    const how = death ?? `no answer within ${startLimit / 1000} s`
    const text = await readFile(logFile, 'utf8').catch(() => '')
    throw new Error(`Redis did not start on ${host}:${port} (${how}). Its output:\n${text}`)
  }
  // A forgotten server shall not keep this process from ending.
  child.unref()
  return { child, pid, ended }
}

async function end({ child, ended }: Running): Promise<void> {
  child.ref()
  child.kill('SIGTERM')
  child.kill('SIGCONT')
  // A server that is busy in a script does not hear SIGTERM.
  const force = setTimeout(() => child.kill('SIGKILL'), stopLimit)
  await ended
  clearTimeout(force)
}

/** Whether the server with this process id (not just any server on that port) answers PING. */
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
