import { createHash } from 'node:crypto'
import type { Command, Redis } from 'ioredis'
import { groupPort } from '../../src/redis-engine/groups/group-port.js'
import { salePort } from '../../src/redis-engine/sale/sale-port.js'

/** One change of the scripts' text. */
export interface Alteration {
  readonly find: string
  readonly replace: string
}

/** Told the keys of an altered script ahead of each run of it; the script waits. */
export type Before = (keys: readonly string[]) => Promise<unknown>

/**
 * Makes a client run altered scripts in place of those it is given. Who uses it does not notice,
 * whichever of the client's methods it calls.
 */
export class AlteredScripts {
  /** How many runs were of an altered script. */
  runs = 0
  readonly #client: Redis
  readonly #alterations: readonly Alteration[]
  readonly #before: Before | undefined
  /** By text and by SHA-1, what to send in its place. */
  readonly #inPlaceOf = new Map<string, string>()

  constructor(client: Redis, alterations: readonly Alteration[], before?: Before) {
    this.#client = client
    this.#alterations = alterations
    this.#before = before
    const send = client.sendCommand.bind(client)
    client.sendCommand = ((command: Command, ...rest: []) => {
      // Without functions the engine sends its scripts.
      if (isFunction(command)) {
        command.reject(refusalOf(command))
        return command.promise
      }
      const altered = isScript(command) && this.#inPlaceOf.get(String(command.args[0]))
      if (!altered) return send(command, ...rest)
      this.runs++
      command.args[0] = altered
      if (!this.#before) return send(command, ...rest)
      const keys = command.args.slice(2, 2 + Number(command.args[1])).map(String)
      this.#before(keys).then(() => void send(command, ...rest), command.reject)
      return command.promise
    }) as typeof client.sendCommand
  }

  get client(): Redis {
    return this.#client
  }

  /** Names the clock that scripts will come with. */
  expect(clock: string): void {
    const scripts = [...Object.values(salePort.compile(clock)), ...Object.values(groupPort.compile(clock))]
    for (const { text, sha } of scripts) {
      const altered = this.#alterations.reduce(
        (changed, { find, replace }) => changed.replaceAll(find, () => replace),
        text,
      )
      if (altered === text) continue
      this.#inPlaceOf.set(text, altered)
      this.#inPlaceOf.set(sha, createHash('sha1').update(altered).digest('hex'))
    }
  }
}

function isFunction({ name }: Command): boolean {
  return name === 'fcall' || name === 'function'
}

function refusalOf({ name }: Command): Error {
  return Object.assign(new Error(`ERR unknown command '${name}'`), { name: 'ReplyError' })
}

function isScript({ name }: Command): boolean {
  return name === 'eval' || name === 'evalsha'
}
