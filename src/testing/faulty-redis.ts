import { connect, createServer, type Server, type Socket } from 'node:net'
import { invalid } from '../errors.js'
import { checkInteger, checkOptions, type Filled, type Names } from '../validation.js'
import { type Befallen, type Direction, type Faults, Link } from './faulty-link.js'
import { mulberry32 } from './random.js'

export type { Direction }

/** The messages to which a fault applies. */
export interface FaultScope {
  /**
   * `scripts`: only FCALL, EVALSHA, EVAL and their read-only forms, so that a client can still
   * connect.
   * @default 'scripts'
   */
  commands?: 'scripts' | 'all' | undefined
  /** How many messages; afterwards the fault ends by itself. @default until lifted */
  times?: number | undefined
  /**
   * The probability that the fault applies to a message: above 0, up to 1. Drawn from the proxy's
   * seed. @default 1
   */
  chance?: number | undefined
}

/** The messages to which a `drop` applies, and what happens to their connection. */
export interface DropScope extends FaultScope {
  /**
   * What happens to the connection, since TCP never loses a message from the middle: `cut` ends it
   * there; `silent` leaves it open, but delivers nothing more in this direction. @default 'cut'
   */
  connection?: 'cut' | 'silent' | undefined
}

/** A fault that a test has injected. */
export interface Fault {
  /**
   * How many messages the fault has applied to. Refused connections are not seen, so they are not
   * counted.
   */
  readonly hits: number
  /** Ends the fault for messages that arrive from now on. A second call has no effect. */
  lift(): Promise<void>
}

/**
 * Several faults may be active at a time: delays add up, and of the faults that end a connection
 * the oldest applies.
 */
export interface FaultyRedis {
  /** The URL for the client: that of the Redis server, with the proxy's address. */
  readonly url: string
  readonly host: string
  readonly port: number
  /** The seed of all random choices. */
  readonly seed: number
  readonly connections: number
  /** Drops requests: Redis never receives them. */
  dropRequests(scope?: DropScope): Fault
  /** Drops replies: Redis executes the command, and the reply is lost. */
  dropReplies(scope?: DropScope): Fault
  /**
   * Delivers the first `bytes` of a reply, never its last byte, and ends the connection. @default a
   * random number
   */
  cutReplies(scope?: FaultScope & { bytes?: number | undefined }): Fault
  /** Delivers one byte at a time. @default both directions */
  trickle(scope?: FaultScope & { direction?: Direction | undefined }): Fault
  /**
   * Delivers messages `ms` later, plus up to `jitterMs` at random, in the same order. @default both
   * directions
   */
  delay(
    scope: FaultScope & { ms: number; jitterMs?: number | undefined; direction?: Direction | undefined },
  ): Fault
  /**
   * Holds back everything in one direction, including the ends of connections. When the fault is
   * lifted, everything is delivered, as TCP retransmits.
   */
  blackHole(direction: Direction): Fault
  /** Ends all connections at once, and returns how many there were. New ones are accepted. */
  cutConnections(): number
  /** Accepts no new connections; open ones continue. */
  refuseConnections(): Fault
  /** Lifts every fault. Connections that were ended or silenced stay ended or silent. */
  heal(): Promise<void>
  /** Closes the proxy and all its connections. Redis is not affected. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * A TCP proxy in front of a Redis server, to test your code when the network fails. Point the
 * client at its `url`; without a fault it changes nothing. It expects one reply for each command:
 * do not use it for connections that subscribe, MONITOR or send CLIENT REPLY. Everything runs in
 * this process, on 127.0.0.1.
 *
 * @param url The URL of the Redis server, `redis://`; TLS is not supported. The server need not be
 *   up yet.
 * @param options `seed`: repeats the random choices of an earlier proxy, as far as messages arrive
 *   in the same order.
 * @throws {StockholdError} `INVALID_ARGUMENT`, as do all its methods.
 */
export async function faultyRedis(
  url: string,
  options: { seed?: number | undefined } = {},
): Promise<FaultyRedis> {
  if (typeof url !== 'string' || !/^redis:\/\/./.test(url) || !URL.canParse(url))
    throw invalid('url', 'must be a redis:// URL')
  const { seed = Math.floor(Math.random() * 2 ** 31) } = checkOptions(options, 'options', { seed: true })
  const proxy = new Proxying(new URL(url), checkInteger(seed, 'seed', -(2 ** 31), 2 ** 31 - 1))
  await proxy.listen()
  return proxy
}

const SCOPE: Names<FaultScope> = { commands: true, times: true, chance: true }

interface Rule extends Fault, Befallen, Filled<FaultScope> {
  readonly direction: Direction | undefined
  hits: number
}

/** The maximum of milliseconds, bytes and times. */
const MOST = 2 ** 31 - 1
const DIRECTIONS = ['requests', 'replies']

class Proxying implements FaultyRedis, Faults {
  readonly host = '127.0.0.1'
  readonly seed: number
  readonly random: () => number
  port = 0
  readonly #redis: URL
  readonly #rules = new Set<Rule>()
  readonly #links = new Set<Link>()
  #server: Server | undefined
  #closed = false

  constructor(redis: URL, seed: number) {
    this.#redis = redis
    this.seed = seed
    this.random = mulberry32(seed)
  }

  get url(): string {
    return Object.assign(new URL(this.#redis), { host: `${this.host}:${this.port}` }).href
  }

  get connections(): number {
    return [...this.#links].filter((link) => link.open).length
  }

  dropRequests(scope: DropScope = {}): Fault {
    return this.#drop('requests', scope)
  }

  dropReplies(scope: DropScope = {}): Fault {
    return this.#drop('replies', scope)
  }

  cutReplies(scope: FaultScope & { bytes?: number | undefined } = {}): Fault {
    const { bytes } = checkScope(scope, { bytes: true })
    if (bytes !== undefined) checkInteger(bytes, 'bytes', 0, MOST)
    return this.#order({ kind: 'part', bytes }, 'replies', scope)
  }

  trickle(scope: FaultScope & { direction?: Direction | undefined } = {}): Fault {
    return this.#order({ kind: 'trickle' }, checkScope(scope, { direction: true }).direction, scope)
  }

  delay(scope: FaultScope & { ms: number; jitterMs?: number; direction?: Direction }): Fault {
    const { direction, ...given } = checkScope(scope, { ms: true, jitterMs: true, direction: true })
    const ms = checkInteger(given.ms, 'ms', 0, MOST)
    const jitterMs = checkInteger(given.jitterMs ?? 0, 'jitterMs', 0, MOST - ms)
    return this.#order({ kind: 'delay', ms, jitterMs }, direction, scope)
  }

  blackHole(direction: Direction): Fault {
    return this.#order({ kind: 'hold' }, checkChoice(direction, 'direction', DIRECTIONS), { commands: 'all' })
  }

  refuseConnections(): Fault {
    this.#server?.close()
    this.#server = undefined
    return this.#order({ kind: 'refuse' }, undefined, { times: MOST })
  }

  cutConnections(): number {
    const open = this.connections
    for (const link of this.#links) link.cut()
    return open
  }

  async heal(): Promise<void> {
    for (const { lift } of this.#rules) await lift()
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#server?.close()
    this.cutConnections()
    await this.heal()
  }

  [Symbol.asyncDispose] = () => this.close()

  /**
   * Listens on a port below the range of outgoing connections, so no other process takes the port
   * while the proxy refuses connections.
   */
  async listen(): Promise<void> {
    for (let attempt = 1; !this.#server; attempt++) {
      const server = createServer((client) => this.#accept(client))
      const port = this.port || 20_000 + Math.floor(Math.random() * 12_000)
      const failed = await new Promise<Error | undefined>((settle) => {
        server.once('error', settle).listen(port, this.host, () => settle(undefined))
      })
      if (failed && attempt === 20) throw failed
      if (failed) continue
      this.port = port
      this.#server = server
    }
  }

  /** The faults that apply to a message, in the order in which they were injected. */
  befalling(direction: Direction, isScript: boolean): Rule[] {
    const found: Rule[] = []
    for (const rule of this.#rules) {
      if (rule.direction !== undefined && rule.direction !== direction) continue
      if ((rule.commands === 'scripts' && !isScript) || rule.plan.kind === 'refuse') continue
      if (rule.chance < 1 && this.random() >= rule.chance) continue
      found.push(rule)
      if (++rule.hits === rule.times) this.#rules.delete(rule)
    }
    return found
  }

  /** Resolves when this direction is open again; `undefined` if it is open. */
  held(direction: Direction): Promise<void> | undefined {
    return this.#active('hold', direction)?.over
  }

  #active(kind: Befallen['plan']['kind'], direction?: Direction): Rule | undefined {
    return [...this.#rules].find((rule) => rule.plan.kind === kind && rule.direction === direction)
  }

  #drop(direction: Direction, scope: DropScope): Fault {
    const { connection = 'cut' } = checkScope(scope, { connection: true })
    return this.#order({ kind: checkChoice(connection, 'connection', ['cut', 'silent']) }, direction, scope)
  }

  #order(plan: Befallen['plan'], direction: Direction | undefined, scope: FaultScope): Fault {
    const { commands = 'scripts', times = MOST, chance = 1 } = scope
    checkInteger(times, 'times', 1, MOST)
    if (direction !== undefined) checkChoice(direction, 'direction', DIRECTIONS)
    checkChoice(commands, 'commands', ['scripts', 'all'])
    if (typeof chance !== 'number' || !(chance > 0 && chance <= 1))
      throw invalid('chance', 'must be a number above 0, up to 1')
    let end = () => {}
    const over = new Promise<void>((resolve) => {
      end = resolve
    })
    const lift = async () => {
      this.#rules.delete(rule)
      end()
      if (!this.#closed && !this.#active('refuse')) await this.listen()
    }
    const rule: Rule = { plan, direction, commands, times, chance, over, hits: 0, lift }
    this.#rules.add(rule)
    return rule
  }

  #accept(client: Socket): void {
    const { hostname, port } = this.#redis
    const redis = connect(Number(port || 6379), hostname.replace(/^\[|\]$/g, ''))
    const link: Link = new Link(this, client, redis, () => this.#links.delete(link))
    this.#links.add(link)
  }
}

function checkScope<T extends FaultScope>(scope: T, more: Names<Omit<T, keyof FaultScope>>): T {
  checkOptions(scope, 'scope', { ...SCOPE, ...more })
  return scope
}

function checkChoice<T extends string>(value: T, argument: string, choices: readonly string[]): T {
  if (choices.includes(value)) return value
  throw invalid(argument, `must be '${choices.join("' or '")}'`)
}
