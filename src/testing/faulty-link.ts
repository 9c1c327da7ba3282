import type { Socket } from 'node:net'
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'

/** The direction of the bytes: to Redis, or back. */
export type Direction = 'requests' | 'replies'

/** A fault as it applies to a message. `refuse` applies to no message. */
export interface Befallen {
  readonly plan: {
    readonly kind: 'cut' | 'silent' | 'part' | 'trickle' | 'delay' | 'hold' | 'refuse'
    readonly ms?: number
    readonly jitterMs?: number
    readonly bytes?: number | undefined
  }
  /** Resolves when the fault is lifted. */
  readonly over: Promise<void>
}

export interface Faults {
  /** The faults that apply to a message that arrives now. */
  befalling(direction: Direction, isScript: boolean): readonly Befallen[]
  /** Resolves when this direction is open again; `undefined` if it is open. */
  held(direction: Direction): Promise<void> | undefined
  /** From 0 to below 1. */
  random(): number
}

/** The start of a request: an array, and its first word. */
const SCRIPT = /^\*\d+\r\n\$\d+\r\n(?:evalsha|eval|fcall)(?:_ro)?\r\n/i
const PUSH = '>'.charCodeAt(0)

/** A client's connection, and its connection to Redis. */
export class Link {
  readonly #client: Socket
  readonly #redis: Socket
  /** For each command that awaits its reply: whether it carries a script. */
  readonly #asked: boolean[] = []

  constructor(faults: Faults, client: Socket, redis: Socket, onClosed: () => void) {
    this.#client = client
    this.#redis = redis
    const isScript = (message: Buffer) => {
      const found = SCRIPT.test(message.toString('latin1', 0, 64))
      this.#asked.push(found)
      return found
    }
    const answersScript = (message: Buffer) => message[0] !== PUSH && this.#asked.shift() === true
    new Pump(faults, 'requests', client, redis, isScript)
    new Pump(faults, 'replies', redis, client, answersScript)
    const closed = () => {
      if (client.closed && redis.closed) onClosed()
    }
    client.once('close', closed)
    redis.once('close', closed)
  }

  get open(): boolean {
    return !this.#client.destroyed
  }

  cut(): void {
    this.#client.destroy()
    this.#redis.destroy()
  }
}

/** One direction of a link: splits bytes into messages, and delivers them one after another. */
class Pump {
  readonly #faults: Faults
  readonly #direction: Direction
  readonly #from: Socket
  readonly #to: Socket
  readonly #isScript: (message: Buffer) => boolean
  #rest: Buffer = Buffer.alloc(0)
  #last: Promise<void> = Promise.resolve()
  #silent = false

  constructor(
    faults: Faults,
    direction: Direction,
    from: Socket,
    to: Socket,
    isScript: (message: Buffer) => boolean,
  ) {
    this.#faults = faults
    this.#direction = direction
    this.#from = from
    this.#to = to
    this.#isScript = isScript
    // If bytes can no longer be delivered, the other direction ends too and reports it.
    from.setNoDelay(true).on('error', () => {})
    from.on('data', (bytes) => this.#take(bytes))
    // Bytes sent before the end arrive before it, however late.
    from.once('close', () => this.#then(() => this.#end()))
  }

  #take(bytes: Buffer): void {
    this.#rest = this.#rest.length > 0 ? Buffer.concat([this.#rest, bytes]) : bytes
    for (let end = messageEnd(this.#rest); end > 0; end = messageEnd(this.#rest)) {
      const message = this.#rest.subarray(0, end)
      this.#rest = this.#rest.subarray(end)
      const faults = this.#faults.befalling(this.#direction, this.#isScript(message))
      const arrived = performance.now()
      this.#then(() => this.#deliver(message, faults, arrived))
    }
  }

  #then(step: () => Promise<void> | void): void {
    this.#last = this.#last.then(step)
  }

  async #deliver(message: Buffer, faults: readonly Befallen[], arrived: number): Promise<void> {
    let due = arrived
    for (const { plan, over } of faults) {
      if (plan.kind === 'hold') await over
      if (plan.kind === 'delay') due += plan.ms! + Math.round(this.#faults.random() * plan.jitterMs!)
    }
    // The timer does not keep a process alive; the connections do.
    if (due > arrived) await sleep(Math.max(0, due - performance.now()), undefined, { ref: false })
    if (this.#silent || this.#to.destroyed) return
    const last = faults.find(({ plan }) => ['cut', 'silent', 'part'].includes(plan.kind))?.plan
    if (last?.kind === 'silent') {
      this.#silent = true
    } else if (last) {
      const most = message.length - 1
      const bytes = last.kind === 'cut' ? 0 : (last.bytes ?? Math.floor(this.#faults.random() * (most + 1)))
      this.#to.end(message.subarray(0, Math.min(bytes, most)))
      this.#from.destroy()
    } else if (faults.some(({ plan }) => plan.kind === 'trickle')) {
      await this.#trickle(message)
    } else {
      this.#to.write(message)
    }
  }

  async #trickle(message: Buffer): Promise<void> {
    for (let at = 0; at < message.length && !this.#to.destroyed; at++) {
      this.#to.write(message.subarray(at, at + 1))
      await turn()
    }
  }

  get #held(): Promise<void> | undefined {
    return this.#faults.held(this.#direction)
  }

  async #end(): Promise<void> {
    for (let held = this.#held; held; held = this.#held) await held
    if (!this.#silent) this.#to.end()
  }
}

/**
 * The offset at which the first message ends, 0 if more bytes are needed. The parser knows which
 * types of RESP (2 and 3) have a length and which have parts:
 * https://redis.io/docs/latest/develop/reference/protocol-spec/. An inline request is one line.
 */
export function messageEnd(bytes: Buffer): number {
  let at = 0
  for (let values = 1; values > 0; values--) {
    const line = bytes.indexOf('\r\n', at)
    if (line < 0) return 0
    const kind = String.fromCharCode(bytes[at]!)
    const count = Number(bytes.toString('latin1', at + 1, line))
    at = line + 2
    if (count < 0) continue // nil, as RESP2 has it
    if ('$!='.includes(kind)) at += count + 2
    else if ('*~>'.includes(kind)) values += count
    else if (kind === '%') values += 2 * count
    else if (kind === '|') values += 2 * count + 1 // attributes stand before the value they belong to
    if (at > bytes.length) return 0
  }
  return at
}
