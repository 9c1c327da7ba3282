import type { Span } from './room-ledger.js'

/** What came of a call; `lost` with the process that made it. */
export type Outcome<T> =
  | { readonly kind: 'ok'; readonly value: T }
  | { readonly kind: 'fail'; readonly code: string }
  | { readonly kind: 'lost' }

/** With which codes a call may fail; and a poll, once it is known how the room stands. */
export const lasting: ReadonlySet<string> = new Set(['TICKET_INVALID'])
export const expected: ReadonlySet<string> = new Set(['TICKET_INVALID', 'UNAVAILABLE', 'UNKNOWN_OUTCOME'])

export function tell(outcome: Outcome<unknown>): string {
  if (outcome.kind !== 'ok') return outcome.kind === 'fail' ? outcome.code : 'lost with the process'
  return JSON.stringify(outcome.value, (key, value) => (secrets.has(key) ? '...' : value)) ?? 'done'
}

/** Long, and for reservations another one in every run. */
const secrets: ReadonlySet<string> = new Set(['ticket', 'pass', 'id', 'reservation'])

/** A call under way. */
export interface Pending {
  readonly name: string
  readonly span: Span
  readonly lose: () => void
}
