import type { Answer, Op } from '../../engine/engine.js'
import { byCreation, byLetter, type Details } from '../define-port.js'
import type { Writer } from '../msgpack.js'
import { writeSkus } from './update-codec.js'

/** Encodes `create` and `rebuild`, for the scripts of that name. */
export function writeSales(
  ops: readonly (Op<'create'> | Op<'rebuild'>)[],
  to: Writer,
  partition: number,
): void {
  to.array(ops.length)
  for (const op of ops) {
    const { incarnation, rules } = op
    to.array(13)
    to.text(incarnation)
    to.text(JSON.stringify(rules))
    to.integer(rules.opensAt ?? -1)
    to.integer(rules.closesAt ?? -1)
    to.integer(rules.holdMs)
    to.integer(rules.maxHoldMs)
    writeSkus(rules, to, partition)
    to.integer('generation' in op ? op.generation : op.complete ? 1 : 0)
  }
}

/** Reads `statuses, incarnations, completes`. */
export function readCreated(ops: readonly Op<'create'>[], from: Details): Answer<'create'>[] {
  const letters = String(from.next())
  const incarnations = from.next() as readonly unknown[]
  const completes = from.next() as readonly unknown[]
  return byCreation(ops, letters, (i) => ({
    incarnation: String(incarnations[i]),
    complete: completes[i] === 1,
  }))
}

/** Reads `statuses, incarnations`. */
export function readRebuilt(ops: readonly Op<'rebuild'>[], from: Details): Answer<'rebuild'>[] {
  const letters = String(from.next())
  const incarnations = from.next() as readonly unknown[]
  return byLetter('rebuild', ops, letters, {
    R: (_, i) => ({ status: 'rebuilt', incarnation: String(incarnations[i]) }),
    X: (_, i) => ({ status: 'exists', incarnation: String(incarnations[i]) }),
  })
}

/** Reads `incarnation, rules, complete, present rules, revision, everywhere`, and three flags. */
export function readDescribed(ops: readonly Op<'describe'>[], from: Details): Answer<'describe'>[] {
  const incarnation = String(from.next())
  const rules = JSON.parse(String(from.next()))
  const complete = from.next() === 1
  const inForce = JSON.parse(String(from.next()))
  const present = { rules: inForce, revision: Number(from.next()), everywhere: from.next() === 1 }
  const [paused, ended, frozen] = [from.next() === 1, from.next() === 1, from.next() === 1]
  const facts = { incarnation, rules, present, complete, paused, ended, frozen }
  const answer = { status: 'described', ...facts } as const
  return ops.map(() => answer)
}
