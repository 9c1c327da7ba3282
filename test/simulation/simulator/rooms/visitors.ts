import type { JoinResult, PollResult, TransferResult } from '../../../../src/waiting-room/results.js'
import type { SimulatedProcess } from '../process.js'
import type { Random } from '../random.js'
import type { Span } from './room-ledger.js'
import { TIERS } from './room-plan.js'
import { accountOf } from './room-snapshot.js'
import type { RoomWorld } from './room-world.js'
import { shop } from './shopping.js'

type Told = PollResult | 'again' | 'gone'

/**
 * Everybody who comes to the room, each with a browser of their own: it outlives the process that
 * answers it.
 */
export class Visitors {
  readonly #world: RoomWorld
  /** Nothing fails any more: who is still here waits for the turn, and does nothing else. */
  calm = false
  readonly #here = new Set<string>()

  constructor(world: RoomWorld) {
    this.#world = world
    for (const buyer of world.buyers) {
      this.#here.add(buyer)
      const random = world.world.random.fork()
      void this.#visit(buyer, random)
        .catch((error) => world.fail(error))
        .finally(() => this.#here.delete(buyer))
    }
  }

  get finished(): boolean {
    return this.#here.size === 0
  }

  get waiting(): readonly string[] {
    return [...this.#here]
  }

  async #visit(guest: string, random: Random): Promise<void> {
    let buyer = guest
    // Some tabs are hidden, and poll seldom.
    const seldomMs = random.chance(0.2) ? random.pick([3_500, 6_000]) : 0
    await this.#sleep(random.whole(0, this.#world.plan.comeMs))
    let ticket: string | undefined
    for (let turns = 0; turns < 3; ) {
      ticket ??= await this.#join(buyer, random)
      if (!this.calm && random.chance(0.04)) {
        await this.#leave(buyer, ticket, random)
        if (random.chance(0.5)) return
        ticket = undefined
        continue
      }
      if (!this.calm && buyer === guest && random.chance(0.08)) {
        const account = accountOf(guest)
        ticket = await this.#logIn(guest, ticket, account, random)
        if (ticket !== undefined) buyer = account
        continue
      }
      // Their phone sleeps; later they come with the same ticket.
      if (!this.calm && random.chance(0.06)) await this.#sleep(random.pick([300, 2_500, 7_000]))
      if (!this.calm && random.chance(0.05)) await this.#join(buyer, random)
      const told = random.chance(0.2)
        ? await this.#watch(buyer, ticket, random)
        : await this.#poll(buyer, ticket, random)
      if (told === 'gone') ticket = undefined
      if (told === 'gone' || told === 'again') await this.#sleep(random.whole(50, 300))
      else if (told.status === 'waiting') await this.#sleep(told.pollAfterMs + (this.calm ? 0 : seldomMs))
      else if (told.status === 'closed') {
        if (told.reason === 'ended' || this.calm) return
        await this.#sleep(1_000)
      } else {
        turns++
        await shop(this.#world, buyer, told.pass, random)
        if (this.calm || random.chance(0.6)) return
        await this.#sleep(random.pick([10, 600, 3_000]))
      }
    }
  }

  /** A ticket, however long it takes; some press twice, in two tabs. */
  async #join(buyer: string, random: Random): Promise<string> {
    for (;;) {
      const tabs = random.chance(0.2) ? 2 : 1
      const tickets = await Promise.all(Array.from({ length: tabs }, () => this.#joinOnce(buyer, random)))
      const ticket = tickets.find((one) => one !== undefined)
      if (ticket !== undefined) return ticket
      await this.#sleep(random.whole(20, 300))
    }
  }

  async #joinOnce(buyer: string, random: Random): Promise<string | undefined> {
    const world = this.#world
    const process = world.anyProcess(random)
    if (!process) return undefined
    const heard = (result: JoinResult, span: Span) =>
      world.ledger.join(buyer, result.status === 'joined' ? result.ticket : undefined, span)
    // Some become members later.
    const tier = world.plan.creation.tiers && random.pick([undefined, ...TIERS, ...TIERS])
    const join = () => world.room(process).join(buyer, { tier })
    const joined = await world.call(process, `join ${buyer}`, join, { heard })
    return joined.kind === 'ok' && joined.value.status === 'joined' ? joined.value.ticket : undefined
  }

  async #poll(buyer: string, ticket: string, random: Random): Promise<Told> {
    const process = this.#world.anyProcess(random)
    if (!process) return 'again'
    return this.#ask(process, `poll ${buyer}`, buyer, ticket, () => this.#world.room(process).poll(ticket))
  }

  async #ask(
    process: SimulatedProcess,
    name: string,
    buyer: string,
    ticket: string,
    ask: () => Promise<PollResult>,
    patient = false,
  ): Promise<Told> {
    const { ledger, world } = this.#world
    const { up, departures } = world.server
    const told = await this.#world.call(process, name, ask, {
      patient,
      heard: (result, span) => {
        const away = !up && !world.server.up && departures === world.server.departures
        ledger.told(buyer, ticket, result, span, away)
      },
    })
    if (told.kind === 'ok') return told.value
    if (told.kind !== 'fail' || told.code !== 'TICKET_INVALID') return 'again'
    ledger.refused(buyer, ticket, world.agenda.now)
    return 'gone'
  }

  /** Listens for updates for a while, and goes by the latest. */
  async #watch(buyer: string, ticket: string, random: Random): Promise<Told> {
    const process = this.#world.anyProcess(random)
    if (!process) return 'again'
    const end = new AbortController()
    const updates = this.#world.room(process).updates(ticket, { signal: end.signal })
    let over = false
    void this.#sleep(random.whole(500, 10_000)).then(() => end.abort())
    let told: Told = 'again'
    while (!over) {
      const next = () =>
        updates.next().then(({ done, value }): PollResult => {
          over = done === true
          return value ?? nothing
        })
      const latest = await this.#ask(process, `update ${buyer}`, buyer, ticket, next, true)
      if (latest === 'again' || latest === 'gone') return latest
      if (over) break
      told = latest
      if (told.status === 'admitted') break
      if (random.chance(0.1)) break
    }
    void updates.return?.()
    return typeof told === 'object' && told.status === 'waiting' ? 'again' : told
  }

  /** The ticket of the account, however long it takes; `undefined` if the visit was over. */
  async #logIn(guest: string, ticket: string, account: string, random: Random): Promise<string | undefined> {
    const world = this.#world
    for (;;) {
      const process = world.anyProcess(random)
      const transfer = (span: Span) => {
        world.ledger.ending(guest, ticket, span)
        return world.room(span.process).transfer(ticket, { to: account })
      }
      const heard = (told: TransferResult, span: Span) => {
        if (told.status === 'transferred') world.ledger.transferred(guest, ticket, account, told.ticket, span)
      }
      const told = process && (await world.call(process, `transfer ${guest}`, transfer, { heard }))
      if (told?.kind === 'ok' && told.value.status === 'transferred') return told.value.ticket
      if (told?.kind === 'fail' && told.code === 'TICKET_INVALID') {
        world.ledger.refused(guest, ticket, world.world.agenda.now)
        return undefined
      }
      await this.#sleep(random.whole(20, 300))
    }
  }

  async #leave(buyer: string, ticket: string, random: Random): Promise<void> {
    const world = this.#world
    const process = world.anyProcess(random)
    if (!process) return
    const leave = (span: Span) => {
      world.ledger.ending(buyer, ticket, span)
      return world.room(process).leave(ticket)
    }
    await world.call(process, `leave ${buyer}`, leave)
  }

  #sleep(ms: number): Promise<void> {
    return this.#world.world.agenda.sleep(ms)
  }
}

/** An iteration that is over tells nothing. */
const nothing: PollResult = {
  status: 'waiting',
  position: 0,
  etaMs: null,
  pollAfterMs: 5_000,
  soldOutLikely: false,
}
