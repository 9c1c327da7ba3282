import { afterAll, beforeAll, describe, expect } from 'vitest'
import type { Call } from '../../src/engine/port.js'
import {
  type AdmissionRate,
  type DepartedChunk,
  type RoomAnswer,
  type RoomCommand,
  type RoomOp,
  type RoomPort,
  type RoomReply,
  type RoomState,
  type StockReading,
  type StoredRoomRules,
  TIER,
  type Visit,
  type VisitAnswer,
} from '../../src/engine/room.js'
import { type EngineKind, engineKinds, type TimedEngine } from './engines.js'

export type OpenRoom = (rules?: Partial<StoredRoomRules>, pace?: Partial<AdmissionRate>) => Promise<Room>

/** What a `tend` tells, with what each visitor was told. */
export type Tended = RoomAnswer<'tend'> & { readonly of: Readonly<Record<string, VisitAnswer>> }

const anyTime: Omit<Call, 'incarnation'> = { deadline: Number.MAX_SAFE_INTEGER, minTime: 0 }
/** A call that comes too late. */
export const late = { deadline: 0 }

export const usualRules: StoredRoomRules = {
  order: 'fifo',
  tiers: [],
  opensAt: null,
  claimMs: 10_000,
  passMs: 60_000,
  sale: null,
  overcommit: 1_000,
  maxActive: null,
}
/** One token a second. */
export const usualPace: AdmissionRate = { rate: 1_000, burst: 1 }

/**
 * The same suite over every engine there is; `open` makes a room on a fresh engine whose clock
 * stands still.
 */
export function onBothEngines(suite: (open: OpenRoom, kind: EngineKind) => void): void {
  for (const kind of engineKinds()) {
    describe(`${kind.name} engine`, () => {
      beforeAll(kind.start)
      afterAll(kind.stop)
      suite(async (rules, pace) => Room.open(await kind.make(), rules, pace), kind)
    })
  }
}

/** One room as the port shows it, and a crowd of buyers who know their places. */
export class Room {
  readonly port: RoomPort
  /** Where a number stands in line: in a room that was drawn, another than the number. */
  rankOf = (number: number) => number
  /** How many were shuffled, as last told. */
  drawn: number | null = null
  readonly #places = new Map<string, { number: number; visitId: number }>()

  constructor(
    readonly clock: TimedEngine,
    readonly name: string,
    readonly token = `token of ${name}`,
  ) {
    this.port = clock.engine.room(name)
  }

  static async open(
    clock: TimedEngine,
    rules: Partial<StoredRoomRules> = {},
    pace: Partial<AdmissionRate> = {},
    name = 'launch',
  ): Promise<Room> {
    const room = new Room(clock, name)
    expect(await room.create(rules, pace)).toMatchObject({ status: 'created' })
    return room
  }

  now(): number {
    return this.clock.now()
  }

  advance(ms: number): Promise<void> {
    return this.clock.advance(ms)
  }

  /** Runs a batch, by default without a deadline. */
  async run<C extends RoomCommand>(command: C, ops: readonly RoomOp<C>[], call: Partial<Call> = {}) {
    await this.port.ready()
    const incarnation =
      call.incarnation === undefined && command !== 'create' ? this.token : (call.incarnation ?? null)
    return this.port.run(command, ops, { ...anyTime, ...call, incarnation }) as Promise<RoomReply<C>>
  }

  /** Runs a batch that must be carried out. */
  async done<C extends RoomCommand>(command: C, ops: readonly RoomOp<C>[], call: Partial<Call> = {}) {
    const reply = await this.run(command, ops, call)
    if (reply.outcome !== 'done') expect.fail(reply.outcome)
    expect(reply.answers).toHaveLength(ops.length)
    return reply
  }

  async ask<C extends RoomCommand>(command: C, op: RoomOp<C>, call: Partial<Call> = {}) {
    return (await this.done(command, [op], call)).answers[0]! as RoomAnswer<C>
  }

  create(rules: Partial<StoredRoomRules> = {}, pace: Partial<AdmissionRate> = {}, call: Partial<Call> = {}) {
    return this.ask(
      'create',
      {
        rules: { ...usualRules, ...rules },
        pace: { ...usualPace, ...pace },
        seed: `seed of ${this.name}`,
        commitment: `commitment of ${this.name}`,
        incarnation: this.token,
      },
      call,
    )
  }

  /** Joins them in one batch; answers their numbers. */
  async join(...buyers: readonly string[]): Promise<number[]> {
    const { answers } = await this.done(
      'join',
      buyers.map((buyer) => ({ buyer })),
    )
    return answers.map((answer, i) => {
      if (answer.status !== 'placed') expect.fail(answer.status)
      this.#places.set(buyers[i]!, answer)
      return answer.number
    })
  }

  /** Joins so many, named `u` and their number. */
  async crowd(size: number): Promise<string[]> {
    const buyers = Array.from({ length: size }, (_, i) => `u${i + 1}`)
    for (let from = 0; from < size; from += 250) await this.join(...buyers.slice(from, from + 250))
    return buyers
  }

  placeOf(buyer: string): { readonly number: number; readonly visitId: number } {
    return this.#places.get(buyer)!
  }

  /** Joins a tier, one after the other; answers what each was told. */
  async joinTier(tier: string | null, ...buyers: readonly string[]): Promise<RoomAnswer<'join'>[]> {
    const { answers } = await this.done(
      'join',
      buyers.map((buyer) => ({ buyer, tier })),
    )
    for (const [i, answer] of answers.entries())
      if (answer.status === 'placed') this.#places.set(buyers[i]!, answer)
    return [...answers]
  }

  update(op: Partial<RoomOp<'update'>>) {
    return this.ask('update', { opensAt: null, tiers: null, ...op })
  }

  visit(buyer: string, rest: Partial<Visit> = {}): Visit {
    const { number, visitId } = this.placeOf(buyer)
    return { buyer, visitId, number, rank: this.rankOf(number % TIER), ...rest }
  }

  async tend(op: Partial<RoomOp<'tend'>> = {}, call: Partial<Call> = {}): Promise<Tended> {
    const { drawn } = this
    const usual = { visits: [], stock: null, goneVersion: 0, turnsSince: 0, revokedSince: 0, drawn }
    const { visits = [] } = op
    const tended = await this.ask('tend', { ...usual, ...op }, call)
    expect(tended.visits).toHaveLength(visits.length)
    this.drawn = tended.drawn
    const of: Record<string, VisitAnswer> = {}
    for (const [i, { buyer, visitId }] of visits.entries()) {
      const answer = tended.visits[i]!
      of[buyer] = answer
      const place = this.#places.get(buyer)
      if (answer.status !== 'gone' && place?.visitId === visitId) place.number = answer.number
    }
    return { ...tended, of }
  }

  /** They come to the door, all at once. */
  come(buyers: string | readonly string[], op: Partial<RoomOp<'tend'>> = {}): Promise<Tended> {
    const visits = [buyers].flat().map((buyer) => this.visit(buyer))
    return this.tend({ ...op, visits })
  }

  /** So long, tended all the time by steps of at most a second; those named come at each step. */
  async pass(ms: number, coming: readonly string[] = [], op: Partial<RoomOp<'tend'>> = {}): Promise<Tended> {
    let tended: Tended | undefined
    for (let left = ms; left > 0; left -= 1_000) {
      await this.advance(Math.min(left, 1_000))
      tended = await this.come(coming, op)
    }
    return tended!
  }

  /** Looks on without changing anything. */
  peek(op: Partial<RoomOp<'tend'>> = {}): Promise<Tended> {
    return this.tend(op, late)
  }

  leave(buyer: string, visitId = this.placeOf(buyer).visitId) {
    return this.ask('leave', { buyer, visitId })
  }

  revoke(buyer: string) {
    return this.ask('revoke', { buyer })
  }

  /** Compares numbers as a process does. */
  async transfer(buyer: string, to: string, visitId = this.placeOf(buyer).visitId) {
    const op = { buyer, visitId, to, compared: null }
    const answer = await this.ask('transfer', op)
    if (answer.status !== 'compare') return answer
    const { number, own } = answer
    const compared = { number, own, ownIsFirst: this.rankOf(own) < this.rankOf(number) }
    return this.ask('transfer', { ...op, compared })
  }

  block(buyer: string, blocked = true) {
    return this.ask('block', { buyer, blocked })
  }

  spend(buyer: string, visitId = this.placeOf(buyer).visitId) {
    return this.ask('spend', { buyer, visitId })
  }

  control(op: RoomOp<'control'>) {
    return this.ask('control', op)
  }

  pace(rate: number, burst: number | null = null) {
    return this.control({ action: 'pace', rate, burst })
  }

  /** What a process reads of the sale now. */
  stock(available: number, state: StockReading['state'] = 'open', at = this.now()): StockReading {
    return { at, state, available }
  }
}

/** The numbers whose places were given up, by these chunks. */
export function goneNumbers(chunks: readonly DepartedChunk[]): number[] {
  return chunks.flatMap(({ index, bits }) => {
    const numbers: number[] = []
    for (let place = 0; place < bits.length * 8; place++)
      if (bits[place >> 3]! & (0x80 >> (place & 7))) numbers.push(index * 65_536 + place)
    return numbers
  })
}

/** Whoever of them was admitted. */
export function admitted(tended: Tended): string[] {
  return Object.keys(tended.of).filter((buyer) => tended.of[buyer]!.status === 'admitted')
}

/**
 * The state alone, comparable: what an engine may choose (trailing zeros of a chunk, the order of
 * turns) is made the same.
 */
export function comparable(
  tended: RoomAnswer<'tend'>,
): Omit<RoomState, 'gone' | 'revoked'> & { gone: number[] } {
  const { visits: _, of: __, revoked: ___, ...state } = tended as Tended
  return {
    ...state,
    turns: state.turns.toSorted((a, b) => a - b),
    gone: goneNumbers(state.gone).toSorted((a, b) => a - b),
  }
}
