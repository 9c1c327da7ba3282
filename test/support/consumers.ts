import { setTimeout as delay } from 'node:timers/promises'
import { expect, onTestFinished } from 'vitest'
import type { Engine } from '../../src/engine/engine.js'
import type { Port } from '../../src/engine/port.js'
import {
  type ConsumeOptions,
  type Consumer,
  type EventHandler,
  type FlashSale,
  type SaleEvent,
  StockholdError,
} from '../../src/index.js'
import { withPorts } from './wrapped-engine.js'

/** What a group was handed, in the order in which it was. */
export class Seen {
  readonly events: SaleEvent[] = []
  readonly note = (event: SaleEvent): void => void this.events.push(event)

  get ids(): string[] {
    return this.events.map(({ id }) => id)
  }

  get sequences(): number[] {
    return this.events.map(({ sequence }) => sequence)
  }

  /** The sequences of the events of each reservation; those that speak of none together. */
  byReservation(): Map<string, number[]> {
    const lines = new Map<string, number[]>()
    for (const { reservation, partition, sequence } of this.events) {
      const key = reservation?.id ?? `sale ${partition}`
      lines.set(key, [...(lines.get(key) ?? []), sequence])
    }
    return lines
  }
}

/**
 * Consumes until the test ends; what goes wrong fails it, unless the test has its own `onError`.
 */
export function follow(
  sale: FlashSale,
  options: Partial<ConsumeOptions>,
  handler: EventHandler = () => {},
): Consumer {
  const consumer = sale.consume({ group: 'g', retryDelayMs: 5, onError: raise, ...options }, handler)
  onTestFinished(() => consumer.close({ timeoutMs: 0 }))
  return consumer
}

function raise(error: unknown): void {
  expect.soft(error).toBeUndefined()
}

export async function listed<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const item of items) list.push(item)
  return list
}

export async function until(
  check: () => boolean | Promise<boolean>,
  what = 'it',
  ms = 300_000,
): Promise<void> {
  const end = performance.now() + ms
  for (let pause = 2; !(await check()); pause = Math.min(2 * pause, 32)) {
    if (performance.now() > end) expect.fail(`${what} did not happen within ${ms} ms`)
    await delay(pause)
  }
}

/** An engine that can be cut off from one moment to the next, as if its process had died. */
export interface Mortal {
  readonly engine: Engine
  die(): void
  revive(): void
  /** Runs before each call is sent on. */
  before: ((command: string, ops: readonly object[]) => unknown) | undefined
}

export function mortal(inner: Engine): Mortal {
  let dead = false
  const mortalPort = (port: Port<never>): Port<never> => ({
    ready: () => port.ready(),
    async run(command, ops, call) {
      if (dead) throw new StockholdError('UNAVAILABLE', 'cut off')
      await mine.before?.(String(command), ops)
      const reply = await port.run(command, ops, call)
      if (dead) throw new StockholdError('UNKNOWN_OUTCOME', 'cut off')
      return reply
    },
  })
  const mine: Mortal = {
    engine: withPorts(inner, mortalPort),
    die: () => {
      dead = true
    },
    revive: () => {
      dead = false
    },
    before: undefined,
  }
  return mine
}
