import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Engine } from '../../../src/engine/engine.js'
import { FlashSale, StockholdError } from '../../../src/index.js'
import { Random } from '../../simulation/simulator/random.js'
import type { TimedEngine } from '../../support/engines.js'
import { dyingRemover, leftIn } from '../../support/removal.js'
import { runsOr, seeds } from '../../support/seeds.js'
import { onBothEngines } from '../../support/shop.js'
import { withPartitions } from '../../support/wrapped-engine.js'

const RUNS = { memory: 40, redis: 12 }
/** What a handle may hear of a sale that another process removes. */
const HEARD = ['NOT_FOUND', 'RULES_CONFLICT']
const items = [{ sku: 'a', quantity: 1 }]

/** An engine whose calls take a drawn number of turns of the event loop each. */
function slowed(engine: Engine, random: Random): Engine {
  return withPartitions(engine, (partition) => ({
    async run(command, ops, call) {
      for (let turns = random.whole(0, 4); turns > 0; turns--) await turn()
      return partition.run(command, ops, call)
    },
  }))
}

/** One sale, its processes, and what they were told. */
class Race {
  readonly rules
  readonly confirmed = new Set<string>()
  readonly known: string[] = []
  /** Reservations that a call was to confirm or to release. */
  readonly settled = new Set<string>()
  /** Whether another sale was created under the name. */
  isReplaced = false
  isDestroyed = false
  readonly #handles: FlashSale[] = []
  readonly #random: Random
  readonly #timed: TimedEngine

  constructor(timed: TimedEngine, partitions: number, random: Random) {
    this.#timed = timed
    this.#random = random
    this.rules = { stock: { a: 12 }, holdMs: 1_000, limitPerBuyer: 8, partitions }
  }

  handle(engine: Engine = slowed(this.#timed.engine, this.#random.fork())): FlashSale {
    const sale = new FlashSale('launch', { engine, deadlineMs: 20_000 })
    onTestFinished(() => sale.close())
    this.#handles.push(sale)
    return sale
  }

  /** The handles that have spoken to the sale before it was removed. */
  get handles(): readonly FlashSale[] {
    return this.#handles
  }

  async begin(): Promise<void> {
    const sale = this.handle()
    await sale.create(this.rules)
    for (let i = 0; i < 6; i++) {
      const held = await sale.reserve({ buyer: `u${i}`, items, key: `k${i}` })
      if (held.status !== 'reserved') expect.fail(held.status)
      this.known.push(held.reservation.id)
      if (this.#random.chance(0.5)) await this.confirm(sale, held.reservation.id)
    }
    for (let i = 0; i < 3; i++) await this.handle().stats()
  }

  /** Holds that nothing has ended: the clock stands still. */
  get held(): readonly string[] {
    return this.known.filter((id) => !this.settled.has(id))
  }

  async confirm(sale: FlashSale, id: string): Promise<void> {
    this.settled.add(id)
    const paid = await sale.confirm(id, { paymentId: `p of ${id}` })
    if (paid.status === 'confirmed') this.confirmed.add(paid.reservation.id)
  }

  #mortal(engine: Engine): FlashSale {
    const sale = new FlashSale('launch', { engine, deadlineMs: 20_000 })
    onTestFinished(() => sale.close())
    return sale
  }

  /** What one process does, at once with all others. */
  act(): Promise<unknown> {
    const random = this.#random
    const sale = random.pick(this.#handles)
    const [id, buyer] = [random.pick(this.known), `u${random.whole(0, 8)}`]
    const acts: (() => Promise<unknown>)[] = [
      () => sale.end(),
      () => sale.reserve({ buyer, items }),
      () => this.confirm(sale, id),
      () => this.confirm(sale, id),
      () => {
        this.settled.add(id)
        return sale.release(id)
      },
      () => sale.transfer(id, { to: buyer }),
      () => sale.transfer(id, { to: buyer }),
      () => sale.consumerGroups(),
      () => this.#createAgain(),
    ]
    return this.#heard(random.pick(acts)())
  }

  /** Processes that end the sale and remove it; one may crash after a drawn step. */
  async remove(force: boolean): Promise<void> {
    const crashes = this.#random.chance(0.6) ? this.#random.whole(1, 12) : undefined
    const dying = crashes === undefined ? undefined : dyingRemover(this.#timed.engine, crashes)
    const removers = [this.#random.pick(this.#handles), dying ? this.#mortal(dying.engine) : this.handle()]
    await Promise.all(
      removers.map(async (sale, i) => {
        const heard = i === 1 && dying ? (call: Promise<unknown>) => call.catch(() => {}) : this.#heard
        await heard(sale.end())
        const answer = await heard(sale.destroy({ force }))
        if ((answer as { status?: string } | undefined)?.status === 'destroyed') this.isDestroyed = true
      }),
    )
  }

  async #createAgain(): Promise<void> {
    const { created } = await this.handle().create(this.rules)
    if (created) this.isReplaced = true
  }

  readonly #heard = (call: Promise<unknown>): Promise<unknown> =>
    call.catch((error: unknown) => {
      expect(error).toBeInstanceOf(StockholdError)
      expect(HEARD, String((error as Error).stack)).toContain((error as StockholdError).code)
    })
}

onBothEngines((_, kind) => {
  describe.each([1, 4])('%i partitions', (partitions) => {
    test.each(seeds)(
      'whatever else happens while a sale is removed, it is gone whole or stands whole, seed %i',
      { timeout: 600_000 },
      async (seed) => {
        for (let run = 0; run < runsOr(RUNS[kind.name]); run++) {
          const random = new Random(seed, run)
          const timed = await kind.make()
          const race = new Race(timed, partitions, random)
          await race.begin()
          const old = race.handles.slice()
          const force = random.chance(0.3)
          const acts = Array.from({ length: random.whole(4, 16) }, () => race.act())
          await Promise.all([...acts, race.remove(force)])
          const states = await Promise.all(
            old.map((sale) =>
              sale.stats().then(
                () => 'there',
                (error: StockholdError) => error.code,
              ),
            ),
          )
          const story = `seed ${seed}, run ${run}, force ${force}`
          expect(new Set(states).size, `${story}: ${states}`).toBe(1)
          const [state] = states
          expect(['there', 'NOT_FOUND'], story).toContain(state)
          if (race.isDestroyed || race.isReplaced) expect(state, story).toBe('NOT_FOUND')
          if (state === 'NOT_FOUND' && !force) expect(race.held, story).toEqual([])
          if (state === 'there') {
            expect(await old[0]!.audit(), story).toMatchObject({ ok: true, violations: [] })
            for (const id of race.confirmed)
              expect(await old[0]!.get(id), story).toMatchObject({ state: 'confirmed' })
            await old[0]!.end()
            expect(await old[0]!.destroy({ force: true }), story).toStrictEqual({ status: 'destroyed' })
          }
          for (const sale of old)
            for (const id of race.known) {
              const asked = sale.confirm(id, { paymentId: 'late' })
              await expect(asked, story).rejects.toMatchObject({ code: 'NOT_FOUND' })
            }
          // Of the sale that took its place.
          const next = race.handle(timed.engine)
          if (race.isReplaced) {
            expect(await next.audit(), story).toMatchObject({ ok: true })
            await next.end()
            expect(await next.destroy({ force: true }), story).toStrictEqual({ status: 'destroyed' })
          }
          await expect.poll(() => leftIn(kind, timed), { message: story }).toBe(0)
        }
      },
    )
  })
})
