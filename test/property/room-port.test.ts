import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Call } from '../../src/engine/port.js'
import type { ComparedPlaces, RoomAnswer, RoomCommand, RoomOp } from '../../src/engine/room.js'
import { startedKinds } from '../support/engines.js'
import { comparable, Room, type Tended } from '../support/room.js'
import { path, runsOr, seeds } from '../support/seeds.js'
import { RoomInvariantChecker } from './room-invariant-checker.js'
import {
  type Memory,
  moves,
  type RoomStep,
  type RoomStory,
  roomStories,
  type Tend,
  WAIT_MS,
} from './room-steps.js'

const kinds = startedKinds()

const LOOK = { visits: [], stock: null, goneVersion: 0, turnsSince: 0, revokedSince: 0, drawn: null }

/**
 * Both engines, each with its clock, asked the same; the checker hears what the memory engine says.
 */
class Pair {
  #newcomers = 0

  private constructor(
    readonly oracle: Room,
    readonly other: Room,
    readonly checker: RoomInvariantChecker,
  ) {}

  static async open({ rules, pace }: RoomStory): Promise<Pair> {
    const [oracle, other] = await Promise.all(
      [kinds[0]!, kinds.at(-1)!].map(async (kind) => Room.open(await kind.make(), rules, pace)),
    )
    return new Pair(oracle!, other!, new RoomInvariantChecker(rules, await oracle!.peek(), oracle!.now()))
  }

  async play(step: RoomStep): Promise<void> {
    await Promise.all([this.oracle.advance(step.advance), this.other.advance(step.advance)])
    switch (step.command) {
      case 'join': {
        const again = step.again.flatMap((person) => this.#buyer(person))
        const fresh = Array.from({ length: step.newcomers }, () => `b${++this.#newcomers}`)
        return this.#run(
          step,
          [...again, ...fresh, ...again].map((buyer, i) => ({
            buyer,
            tier: step.tiers[i % step.tiers.length]!,
          })),
        )
      }
      case 'tend':
        for (let i = 0; i < step.waits; i++) await this.#wait(step.tends[0]!.stock)
        return this.#run(
          step,
          step.tends.map((tend) => this.#tend(tend)),
        )
      case 'leave':
      case 'spend':
        return this.#run(
          step,
          step.who.flatMap(({ person, memory }) => this.#stay(person, memory)),
        )
      case 'update':
        return this.#run(
          step,
          step.changes.map(({ opensIn, tiers }) => ({
            opensAt:
              opensIn === null
                ? null
                : // A room of random order keeps a time to open.
                  { to: opensIn === 'now' ? null : this.oracle.now() + opensIn },
            tiers,
          })),
        )
      case 'revoke':
        return this.#run(
          step,
          step.who.flatMap(({ person }) => this.#buyer(person).map((buyer) => ({ buyer }))),
        )
      case 'transfer':
        return this.#run(
          step,
          step.who.flatMap(({ person, memory, to, compared }) =>
            this.#stay(person, memory).map(({ buyer, visitId }) => {
              const receiver = to === 'new' ? `b${++this.#newcomers}` : this.#buyer(to)[0]!
              return { buyer, visitId, to: receiver, compared: this.#compared(buyer, receiver, compared) }
            }),
          ),
        )
      case 'block':
        return this.#run(
          step,
          step.who.flatMap(({ person, blocked }) => this.#buyer(person).map((buyer) => ({ buyer, blocked }))),
        )
      case 'control':
        return this.#run(
          step,
          step.actions.map((action) =>
            typeof action === 'string' ? { action } : { action: 'pace' as const, ...action },
          ),
        )
    }
  }

  /** Nobody polls. */
  async #wait(stock: Tend['stock']): Promise<void> {
    await Promise.all([this.oracle.advance(WAIT_MS), this.other.advance(WAIT_MS)])
    const ops = [this.#tend({ visitors: [], crowd: 0, stock })]
    const step = { command: 'tend', tends: [], waits: 0, advance: 0, late: false, minTime: 0 } as const
    await this.#run<'tend'>(step, ops)
  }

  async #run<C extends RoomCommand>(
    step: RoomStep & { command: C },
    ops: readonly RoomOp<C>[],
  ): Promise<void> {
    if (ops.length === 0) return
    const minTime = step.minTime === 0 ? 0 : this.oracle.now() + step.minTime
    const call: Partial<Call> = step.late ? { minTime, deadline: 0 } : { minTime }
    const [expected, actual] = await Promise.all([
      this.oracle.done(step.command, ops, call),
      this.other.done(step.command, ops, call),
    ])
    expect(actual.now).toBe(expected.now)
    expect(actual.answers.map(plain)).toEqual(expected.answers.map(plain))
    for (const [i, op] of ops.entries()) this.#hear(step, op, expected.answers[i]!, expected.now)
    const [state, theirs] = await Promise.all([this.oracle.peek(), this.other.peek()])
    expect(plain(theirs)).toEqual(plain(state))
    this.checker.saw(state, expected.now, moves(step.command) && !step.late, step.command === 'control')
    await this.#look()
  }

  /** What is asked for since a moment is told by both for that moment. */
  async #look(): Promise<void> {
    const { doorTime, goneVersion } = this.checker.last
    const some = {
      ...LOOK,
      goneVersion: goneVersion - (goneVersion % 3),
      turnsSince: doorTime - 500,
      revokedSince: this.oracle.now() - 2_000,
    }
    const [mine, theirs] = await Promise.all([this.oracle.peek(some), this.other.peek(some)])
    expect(plain(theirs)).toEqual(plain(mine))
  }

  #hear(step: RoomStep, op: object, answer: { readonly status: string }, now: number): void {
    if (step.command === 'join') {
      this.checker.joined(op as RoomOp<'join'>, answer as RoomAnswer<'join'>, now)
    } else if (step.command === 'tend') {
      const state = answer as RoomAnswer<'tend'>
      this.checker.tended(op as RoomOp<'tend'>, state, now, step.late)
      this.checker.saw(state, now, !step.late, false)
    } else if (step.command === 'transfer') {
      this.checker.transferred(op as RoomOp<'transfer'>, answer as RoomAnswer<'transfer'>, now)
    } else if (step.command === 'update') {
      this.checker.updated(answer as RoomAnswer<'update'>)
    } else if (step.command === 'block') {
      this.checker.blocked(op as RoomOp<'block'>, answer as RoomAnswer<'block'>)
    } else if (answer.status === 'left' || answer.status === 'revoked') {
      this.checker.ended((op as RoomOp<'leave'>).buyer)
    }
  }

  #tend({ visitors, crowd, stock }: Tend): RoomOp<'tend'> {
    const all = [...Array(Math.min(crowd, this.checker.people.length)).keys()]
    return {
      ...LOOK,
      drawn: this.checker.last.drawn,
      visits: [...visitors, ...all.map((person) => ({ person, memory: 'right' as const }))].flatMap((each) =>
        this.#stay(each.person, each.memory),
      ),
      stock: stock && { at: this.oracle.now() - stock.age, state: stock.state, available: stock.available },
    }
  }

  #buyer(person: number): string[] {
    return [this.checker.person(person)?.buyer ?? []].flat()
  }

  #compared(buyer: string, to: string, how: 'right' | 'wrong' | null): ComparedPlaces | null {
    const [mine, theirs] = [buyer, to].map((name) => this.checker.people.find((one) => one.buyer === name))
    if (!mine || !theirs || how === null) return null
    const ownIsFirst = this.checker.order(theirs.number) < this.checker.order(mine.number)
    return { number: how === 'right' ? mine.number : mine.number + 1, own: theirs.number, ownIsFirst }
  }

  /** Any order that everybody knows will do for a draw. */
  #rankOf(number: number): number {
    return this.checker.rankOf(number)
  }

  /** Between the opening and the draw nobody knows a rank, so nobody can visit. */
  get #mayBeDrawn(): boolean {
    const { rules, last } = this.checker
    return rules.order === 'random' && last.drawn === null && this.oracle.now() + 1_000 >= (last.opensAt ?? 0)
  }

  #stay(index: number, memory: Memory) {
    const person = this.checker.person(index)
    if (!person || this.#mayBeDrawn) return []
    const number = memory === 'old number' ? person.before : person.number
    const visitId = memory === 'other stay' ? person.visitId + 1 : person.visitId
    return [{ buyer: person.buyer, visitId, number, rank: this.#rankOf(number) }]
  }
}

/** An answer in which nothing is left to choose. */
function plain(answer: { readonly status: string }): object {
  if (answer.status !== 'tended') return answer
  const tended = answer as Tended
  const revoked = tended.revoked.map(({ buyer, visitId }) => `${visitId} ${buyer}`).toSorted()
  return { ...comparable(tended), visits: tended.visits, revoked }
}

test.each(seeds)(
  'both engines say the same, and nothing impossible, seed %i',
  { timeout: 600_000 },
  async (seed) => {
    await fc.assert(
      fc.asyncProperty(roomStories, async (story) => {
        const pair = await Pair.open(story)
        for (const step of story.steps) await pair.play(step)
      }),
      { seed, numRuns: runsOr(60), ...(path === undefined ? {} : { path }) },
    )
  },
)
