import { type FlashSale, type SaleRules, StockholdError } from '../../src/index.js'
import { type Answer, type Call, describeCall } from '../model/call.js'
import { hasHouseholds } from '../model/rules.js'
import { send } from '../model/send.js'

/**
 * A call as a story draws it, before there is a sale. Its `id` is `#` and a number that is taken
 * modulo the number of reservations made so far; `same` is whether it asks for the rules that the
 * sale has.
 */
export type Operation =
  | Exclude<Call, { readonly do: 'create' }>
  | { readonly do: 'create'; readonly same: boolean }

export function reserve(request: {
  readonly buyer: string
  readonly items: readonly { readonly sku: string; readonly quantity: number }[]
  readonly key?: string
  readonly holdMs?: number
}): Operation {
  return { do: 'reserve', key: null, holdMs: null, ...request }
}

export function confirm(
  place: number,
  options: { readonly buyer?: string; readonly paymentId?: string } = {},
): Operation {
  return { do: 'confirm', id: `#${place}`, buyer: null, paymentId: null, ...options }
}

export function release(place: number, options: { readonly buyer?: string } = {}): Operation {
  return { do: 'release', id: `#${place}`, buyer: null, ...options }
}

/** The call that an operation stands for, given the names of the reservations made so far. */
export function callOf(operation: Operation, names: readonly string[], rules: SaleRules): Call {
  if (operation.do === 'reserve' && hasHouseholds(rules))
    return { ...operation, household: operation.household ?? householdOf(operation) }
  if (operation.do === 'create')
    return { do: 'create', rules: operation.same ? rules : { ...rules, holdMs: 1 } }
  if (!('id' in operation) || operation.id === null) return operation
  return { ...operation, id: names[Number(operation.id.slice(1)) % names.length] ?? '' }
}

/** Ann and bob live together, and cy moves in with them sometimes. */
function householdOf({ buyer, key }: Extract<Operation, { do: 'reserve' }>): string {
  return buyer === 'cy' && key === null ? 'elm' : 'oak'
}

/** Sends a call. A failure becomes an answer, so that it is compared like all others. */
export async function answerTo(call: Call, sale: FlashSale): Promise<Answer> {
  try {
    return await send(sale, call)
  } catch (error) {
    if (!(error instanceof StockholdError)) throw error
    const { code, reservations } = error
    return reservations ? { status: 'threw', code, reservations } : { status: 'threw', code }
  }
}

export function describe(operation: Operation): string {
  return operation.do === 'create'
    ? `create(${operation.same ? 'the same' : 'other'} rules)`
    : describeCall(operation)
}
