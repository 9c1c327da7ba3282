import { StockholdError } from '../errors.js'
import { checkId } from '../validation.js'

/** What an operation is about. */
export interface Target {
  readonly kind: 'sale' | 'room'
  readonly id: string
}

const names = { sale: 'sale', room: 'waiting room' } as const

/** `sale:ID` or `room:ID`; a text of another form is an id alone, without a kind. */
export function parseTarget(text: string): Target | { readonly kind: undefined; readonly id: string } {
  const [, kind, id] = /^(sale|room):(.+)$/s.exec(checkId(text, 'target')) ?? []
  return kind === undefined
    ? { kind: undefined, id: text }
    : { kind: kind as Target['kind'], id: checkId(id, 'target') }
}

/** The form that names it whatever else exists. */
export function nameOf({ kind, id }: Target): string {
  return `${kind}:${id}`
}

export function describeTarget({ kind, id }: Target): string {
  return `the ${names[kind]} ${JSON.stringify(id)}`
}

/** @throws {StockholdError} `INVALID_ARGUMENT` */
export function wrongKind(target: Target, wanted: Target['kind']): StockholdError {
  return new StockholdError(
    'INVALID_ARGUMENT',
    `${describeTarget(target)} is no ${names[wanted]}, and this can be done to a ${names[wanted]} only. Nothing was executed.`,
  )
}

export function ambiguous(id: string): StockholdError {
  return new StockholdError(
    'INVALID_ARGUMENT',
    `${JSON.stringify(id)} is a sale and a waiting room. Write sale:${id} or room:${id}. Nothing was executed.`,
  )
}

export function unknownTarget(id: string): StockholdError {
  return new StockholdError(
    'NOT_FOUND',
    `there is no sale and no waiting room ${JSON.stringify(id)} under this prefix. Nothing was executed.`,
  )
}

export function lostTarget(target: Target): StockholdError {
  return new StockholdError(
    'STATE_LOST',
    `${describeTarget(target)} has lost its state in Redis, and processes still know it. Nothing was executed.`,
  )
}

/** @param processes How many have told which sales they know. */
export function unknownSale(id: string, processes: number): StockholdError {
  return new StockholdError(
    'NOT_FOUND',
    `there is no sale ${JSON.stringify(id)} under this prefix: neither Redis nor any of the ${processes} processes of the heartbeat knows it. If Redis has only just come back, repeat this in some seconds; if there is a ledger, recover the sale from it. Nothing was executed.`,
  )
}
