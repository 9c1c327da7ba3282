import type { Attributes, ObservableResult } from '@opentelemetry/api'
import type { BatchMessage, CallMessage, ConsumerMessage, LedgerMessage } from '../telemetry/messages.js'
import { ATTRIBUTES, OTHER } from './attributes.js'
import type { Instruments } from './instruments.js'

/** Of whom a call was asked. */
export function subjectOf({ room, group }: CallMessage): 'sale' | 'room' | 'consumer' {
  return room !== null ? 'room' : group !== null ? 'consumer' : 'sale'
}

/** The `error.type` of what was thrown: the code of an error of this library. */
export function errorType(error: unknown): string {
  const { code, name } = (error ?? {}) as { code?: unknown; name?: unknown }
  return name === 'StockholdError' && typeof code === 'string' ? code : OTHER
}

/** Counts and times what happens in this process. No label has a value that a user has chosen. */
export class CallMetrics {
  readonly #instruments: Instruments
  /** Open calls, by subject and command. */
  readonly #active = new Map<string, { readonly attributes: Attributes; count: number }>()
  readonly #open = new WeakSet<CallMessage>()

  constructor(instruments: Instruments) {
    this.#instruments = instruments
  }

  begun(call: CallMessage): void {
    this.#open.add(call)
    this.#entryOf(call).count++
  }

  ended(call: CallMessage): void {
    // One that began before the first message was heard is not among the open ones.
    if (this.#open.delete(call)) this.#entryOf(call).count--
    const of = { [ATTRIBUTES.subject]: subjectOf(call), [ATTRIBUTES.command]: call.command }
    const error = call.code === null ? {} : { [ATTRIBUTES.error]: call.code === 'OTHER' ? OTHER : call.code }
    this.#instruments.calls.add(1, {
      ...{ ...of, ...error },
      ...(call.status !== null && {
        [ATTRIBUTES.status]: call.status,
        [ATTRIBUTES.replayed]: call.replayed,
        [ATTRIBUTES.fromMemory]: call.fromMemory,
      }),
    })
    this.#instruments.callDuration.record(call.durationMs! / 1_000, { ...of, ...error })
  }

  observeActive(result: ObservableResult): void {
    for (const { count, attributes } of this.#active.values()) result.observe(count, attributes)
  }

  batch({ command, size, waitedMs, durationMs, outcome, error }: BatchMessage): void {
    const of = { [ATTRIBUTES.command]: command }
    this.#instruments.batchSize.record(size, of)
    this.#instruments.batchWait.record(waitedMs / 1_000, of)
    const type = outcome === 'failed' && { [ATTRIBUTES.error]: errorType(error) }
    this.#instruments.batchDuration.record(durationMs / 1_000, {
      ...{ ...of, [ATTRIBUTES.outcome]: outcome, ...type },
    })
  }

  consumer(message: ConsumerMessage): void {
    const { handlerDuration, lostEvents } = this.#instruments
    if (message.type === 'lost') lostEvents.add(message.events)
    if (!('attempt' in message)) return
    const { type, event, durationMs } = message
    handlerDuration.record(durationMs / 1_000, { [ATTRIBUTES.event]: event, [ATTRIBUTES.outcome]: type })
  }

  ledger(message: LedgerMessage): void {
    const { ledgerEvents, ledgerDuration, ledgerFailures } = this.#instruments
    if (message.type === 'failed') ledgerFailures.add(1, { [ATTRIBUTES.error]: errorType(message.error) })
    else {
      ledgerEvents.add(message.events)
      ledgerDuration.record(message.durationMs / 1_000)
    }
  }

  #entryOf(call: CallMessage): { count: number } {
    const attributes = { [ATTRIBUTES.subject]: subjectOf(call), [ATTRIBUTES.command]: call.command }
    const key = `${attributes[ATTRIBUTES.subject]}.${call.command}`
    const entry = this.#active.get(key) ?? { attributes, count: 0 }
    this.#active.set(key, entry)
    return entry
  }
}
