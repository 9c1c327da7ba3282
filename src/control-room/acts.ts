import { StockholdError } from '../errors.js'
import type { Operations } from '../operations/operations.js'
import type { Actor } from '../operations/operations-log.js'
import { checkId, checkObject, checkOptions } from '../validation.js'

type Given = Readonly<Record<string, unknown>>

interface Act {
  /** The names of its arguments; `any`: what the sale takes, which checks them. */
  readonly takes: readonly string[] | 'any'
  // biome-ignore lint/suspicious/noExplicitAny: each operation checks what it is given.
  readonly run: (operations: Operations, target: string, given: any, actor: Actor) => Promise<unknown>
}

/** What changes something, and needs the right to operate. */
const CHANGES: Readonly<Record<string, Act>> = {
  pause: { takes: [], run: (on, target, _, actor) => on.pause(target, actor) },
  resume: { takes: [], run: (on, target, _, actor) => on.resume(target, actor) },
  end: { takes: [], run: (on, target, _, actor) => on.end(target, actor) },
  update: { takes: 'any', run: (on, target, given, actor) => on.update(target, given, actor) },
  restock: {
    takes: ['sku', 'quantity', 'key'],
    run: (on, target, given, actor) => on.restock(target, given, actor),
  },
  'set-total': {
    takes: ['sku', 'total', 'key', 'countedAt'],
    run: (on, target, given, actor) => on.setTotal(target, given, actor),
  },
  move: {
    takes: ['from', 'to', 'quantity', 'key'],
    run: (on, target, given, actor) => on.move(target, given, actor),
  },
  rate: {
    takes: ['perSecond', 'burst'],
    run: (on, target, given, actor) => on.rate(target, given, actor),
  },
  block: { takes: ['buyer'], run: (on, target, { buyer }, actor) => on.block(target, buyer, actor) },
  unblock: { takes: ['buyer'], run: (on, target, { buyer }, actor) => on.unblock(target, buyer, actor) },
  'dead-letters-retry': {
    takes: ['group', 'ids'],
    run: (on, target, given, actor) => on.retryDeadLetters(target, given, actor),
  },
  'dead-letters-discard': {
    takes: ['group', 'ids'],
    run: (on, target, given, actor) => on.discardDeadLetters(target, given, actor),
  },
  reconcile: {
    takes: ['repair'],
    run: (on, target, given, actor) => on.reconcile(target, given, actor),
  },
  recover: {
    takes: ['from', 'unfreeze', 'paused', 'everywhere'],
    run: (on, target, given, actor) => on.recover(target, given, actor),
  },
  destroy: { takes: ['force'], run: (on, target, given, actor) => on.destroy(target, given, actor) },
}

/** What changes nothing: every viewer may ask it, and no reason is needed. */
const QUESTIONS: Readonly<Record<string, Act>> = {
  audit: { takes: [], run: (on, target) => on.audit(target) },
  find: {
    takes: ['reservation', 'buyer', 'paymentId'],
    run: (on, target, given) => on.find(target, given),
  },
  'dead-letters': {
    takes: ['group'],
    run: (on, target, { group }) => on.deadLetters(target, checkId(group, 'group')),
  },
  refunds: { takes: [], run: (on, target) => on.refundsDue(target) },
}

const BODY = { operation: true, target: true, arguments: true, reason: true } as const

/** An operation as a viewer has asked for it, and its name and target are those of the request. */
export interface Asked {
  readonly isChange: boolean
  /** Resolves with a JSON value. @throws {StockholdError} */
  run(operations: Operations, by: string): Promise<unknown>
}

/** @throws {StockholdError} `INVALID_ARGUMENT` */
export function askedOf(body: unknown): Asked {
  const { operation, target, arguments: given = {}, reason } = checkOptions(body, 'body', BODY)
  const name = checkId(operation, 'operation')
  const isChange = Object.hasOwn(CHANGES, name)
  if (!isChange && !Object.hasOwn(QUESTIONS, name))
    throw new StockholdError(
      'INVALID_ARGUMENT',
      `operation must be one of ${[...Object.keys(CHANGES), ...Object.keys(QUESTIONS)].join(', ')}. Nothing was executed.`,
    )
  const act = (isChange ? CHANGES : QUESTIONS)[name]!
  const where = checkId(target, 'target')
  const args: Given =
    act.takes === 'any'
      ? checkObject(given, 'arguments', 'an object')
      : checkOptions(given, 'arguments', Object.fromEntries(act.takes.map((one) => [one, true])))
  const why = isChange ? checkId(reason, 'reason') : undefined
  return {
    isChange,
    run: (operations, by) => act.run(operations, where, args, { by, reason: why }),
  }
}
