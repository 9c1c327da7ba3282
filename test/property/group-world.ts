import { isDeepStrictEqual } from 'node:util'
import type { StoredEvent } from '../../src/engine/engine.js'
import type { GroupAnswer, GroupCommand, GroupOp, ParkedEvent } from '../../src/engine/groups.js'
import { demand, Violation } from '../model/violation.js'
import type { TimedEngine } from '../support/engines.js'
import { idAt, openPort, type PortPartition } from '../support/port-sale.js'
import { AGE, type Batch, CONSUMERS, GROUPS, type HandoffStep } from './group-steps.js'

interface Call {
  readonly minTime: number
  readonly deadline: number
}

interface Lease {
  readonly consumer: string
  readonly epoch: number
}

/**
 * The events of one partition and those who follow it, on every engine under test, which must agree
 * on everything.
 */
export class HandoffWorld {
  readonly #sides: readonly PortPartition[]
  /** Everything that has ever happened, trimmed or not. */
  readonly #events: StoredEvent[] = []
  readonly #leases = new Map<string, Lease>()
  readonly #positions = new Map<string, number>()
  #first = 1
  #made = 0
  /** The latest time that anybody was told. */
  #floor = 0

  private constructor(sides: readonly PortPartition[]) {
    this.#sides = sides
  }

  static async create(engines: readonly TimedEngine[]): Promise<HandoffWorld> {
    const rules = { stock: { a: 1_000_000 }, holdMs: AGE, maxHoldMs: AGE }
    return new HandoffWorld(
      await Promise.all(engines.map(async (timed) => (await openPort(timed, rules))[0]!)),
    )
  }

  async play(step: HandoffStep): Promise<void> {
    for (const side of this.#sides) await side.advance(step.advance)
    // With every expired hold swept the engines have written the same, and nothing waits.
    this.#floor = Math.max(this.#floor, this.#sides[0]!.now() + step.minTime)
    for (const side of this.#sides) await side.stats({ minTime: this.#floor })
    await this.#read()
    const minTime = this.#floor
    const call = { minTime, deadline: step.late ? minTime - 1 : Number.MAX_SAFE_INTEGER }
    if (step.command === 'write') await this.#write(step)
    else if (step.command === 'claim') await this.#claim(step, call)
    else if (step.command === 'acknowledge')
      await this.#ask(
        'acknowledge',
        step.items.map((item) => this.#acknowledgement(item)),
        call,
      )
    else if (step.command === 'checkpoint') await this.#checkpoint(step, call)
    else if (step.command === 'revive') await this.#revive(step, call)
    else await this.#drop(step, call)
    await this.#look()
  }

  /**
   * Nothing is left to expire: in which order holds of the same moment do is the engine's affair.
   */
  async #write({ calls, events, holdMs }: Batch<'write'>): Promise<void> {
    for (let i = 0; i < calls; i++) {
      const ops = Array.from({ length: events }, () => {
        const number = this.#made++
        const bucket = `b${number % 30}`
        return { id: idAt(0, bucket, number), buyer: bucket, cart: [[0, 1]] as const, key: null, holdMs }
      })
      const paid = ops.map(({ id }) => ({ id, buyer: null, paymentId: null, final: true }))
      for (const side of this.#sides) {
        await side.done('reserve', ops, { minTime: this.#floor })
        await side.done('confirm', paid, { minTime: this.#floor })
      }
    }
  }

  async #claim({ items }: Batch<'claim'>, call: Call): Promise<void> {
    const ops = items as GroupOp<'claim'>[]
    for (const [i, answer] of (await this.#ask('claim', ops, call)).entries()) {
      const { group, consumer } = ops[i]!
      if (answer.status === 'claimed') this.#leases.set(group, { consumer, epoch: answer.epoch })
    }
  }

  #acknowledgement({
    as,
    park,
    unpark,
    position,
    ...rest
  }: Batch<'acknowledge'>['items'][number]): GroupOp<'acknowledge'> {
    const { consumer, epoch } = this.#leases.get(rest.group) ?? { consumer: CONSUMERS[0], epoch: 1 }
    const parked = park.flatMap(({ back, attempts, retryIn, error }): ParkedEvent[] => {
      const event = this.#events[this.#sequence(back) - 1]
      return event ? [{ event, attempts, retryAt: retryIn === null ? null : event.at + retryIn, error }] : []
    })
    return {
      ...rest,
      consumer: as?.consumer ?? consumer,
      epoch: epoch + (as?.epoch ?? 0),
      position: this.#sequence(position),
      park: parked,
      unpark: unpark.map((back) => this.#sequence(back)),
    }
  }

  async #checkpoint({ items }: Batch<'checkpoint'>, call: Call): Promise<void> {
    const ops = items.map(({ position, ...rest }) => ({ ...rest, position: this.#sequence(position) }))
    await this.#ask('checkpoint', ops, call)
  }

  async #revive({ items }: Batch<'revive'>, call: Call): Promise<void> {
    const ops = items.map(({ sequences, ...rest }) => ({
      ...rest,
      sequences: sequences.map((back) => this.#sequence(back)),
    }))
    await this.#ask('revive', ops as GroupOp<'revive'>[], call)
  }

  async #drop({ items }: Batch<'drop'>, call: Call): Promise<void> {
    for (const [i, { status }] of (await this.#ask('drop', items, call)).entries()) {
      if (status !== 'dropped') continue
      this.#leases.delete(items[i]!.group)
      this.#positions.delete(items[i]!.group)
    }
  }

  #sequence(back: number): number {
    return Math.max(0, this.#events.length - back)
  }

  /** Asks every engine. The answers, which must be the same. */
  async #ask<C extends GroupCommand>(
    command: C,
    ops: readonly GroupOp<C>[],
    call: Partial<Call> = { minTime: this.#floor },
  ): Promise<readonly GroupAnswer<C>[]> {
    const replies = await Promise.all(
      this.#sides.map((side) =>
        side.runGroups(command, ops, call).catch((error: unknown) => {
          throw new Violation('fault', `${command}: ${error}`, { cause: error })
        }),
      ),
    )
    for (const reply of replies)
      demand(
        isDeepStrictEqual(reply, replies[0]),
        'difference',
        () => `${command}: one answered ${JSON.stringify(replies[0])}, one ${JSON.stringify(reply)}`,
      )
    const [first] = replies
    if (first?.outcome !== 'done') throw new Violation('fault', `${command}: ${first?.outcome}`)
    return first.answers
  }

  /** What has happened since the last time. */
  async #read(): Promise<void> {
    const pages = await Promise.all(this.#sides.map((side) => side.events(this.#events.length)))
    for (const page of pages)
      demand(isDeepStrictEqual(page, pages[0]), 'difference', () => 'the engines have written other events')
    this.#events.push(...pages[0]!)
    demand(
      this.#events.every(({ sequence }, i) => sequence === i + 1),
      'events',
      () => 'an event went before anybody could read it',
    )
  }

  async #look(): Promise<void> {
    await this.#read()
    const [told] = await this.#ask('groups', [{}])
    const { groups, first } = told!
    demand(first >= this.#first, 'events', () => `the oldest event was ${this.#first}, and is ${first}`)
    this.#first = first
    for (const { group, position } of groups) {
      const before = this.#positions.get(group) ?? 0
      demand(position >= before, 'promise', () => `${group} was at ${before}, and is at ${position}`)
      this.#positions.set(group, position)
    }
    await this.#ask(
      'dead',
      GROUPS.map((group) => ({ group, after: 0 })),
    )
    for (const side of this.#sides)
      demand(
        isDeepStrictEqual(await side.events(), this.#events.slice(first - 1)),
        'events',
        () => `not all events from ${first} on are left as they were`,
      )
  }
}
