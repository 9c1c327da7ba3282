import { invalid } from '../errors.js'
import { checkId, checkInteger, checkOptions, type Filled, MAX_SPAN_MS, type Names } from '../validation.js'
import type { SaleEvent } from './events.js'
import type { HandlerContext } from './handler-context.js'
import type { ConsumerWarning } from './warnings.js'

/** Options of `sale.consume`. Times in ms. */
export interface ConsumeOptions {
  /**
   * The name of the group. Each event is handled by one consumer of a group, and by every group. 1
   * to 256 bytes.
   */
  group: string
  /**
   * The consumer's name where groups are inspected; a random part is added to it.
   * @default 'consumer'
   */
  name?: string | undefined
  /** Events handled at a time, over all partitions; never two of one reservation. @default 16 */
  concurrency?: number | undefined
  /**
   * Where a new group begins: at the oldest event in the stream, or at the next new event.
   * @default 'beginning'
   */
  start?: 'beginning' | 'now' | undefined
  /**
   * How long a crashed consumer keeps its partitions. The lease is renewed every third of this
   * time.
   * @default 10_000
   */
  leaseMs?: number | undefined
  /**
   * A handler that has not settled after this time has failed: its `signal` is aborted, `onWarning`
   * is called, and the event is tried again like any other that failed, so that a handler that
   * never settles does not stop the group. The same holds for `onDeadLetter`.
   * @default 300_000 (five minutes)
   */
  handlerTimeoutMs?: number | undefined
  /** After this many failures an event becomes a dead letter. @default 10 */
  maxAttempts?: number | undefined
  /**
   * The pause after the first failure. It doubles with each failure, and a random part of up to a
   * half is taken off.
   * @default 1_000
   */
  retryDelayMs?: number | undefined
  /** The longest pause between two attempts. @default 60_000 */
  maxRetryDelayMs?: number | undefined
  /**
   * The most events of one partition that may have failed at a time, including dead letters. At the
   * limit, reading waits until there is room, so that a warehouse that is down does not fill Redis.
   * Make room by `replay` or `discard`.
   * @default 1_000
   */
  maxParked?: number | undefined
  /**
   * Events of one partition that are kept for groups that lag. Beyond, the oldest are trimmed even
   * if a group has not had them, once they are older than the sale's `maxHoldMs`. `onWarning` is
   * called at 80 % already.
   * @default 1_000_000
   */
  maxStreamLength?: number | undefined
  /**
   * The longest pause between two polls for new events while there are none. This process' own
   * calls are noticed at once.
   * @default 1_000
   */
  pollMs?: number | undefined
  /**
   * Called when an event becomes a dead letter. If it throws, the error goes to `onError`; the
   * event is kept for `deadLetters()` in any case. If its reservation does not exist any more,
   * `reservation` has its id and nothing else.
   */
  onDeadLetter?: ((event: SaleEvent, error: unknown) => unknown) | undefined
  /** Called if the engine is away, or the sale is frozen. The consumer continues to try. */
  onError?: ((error: unknown) => void) | undefined
  /**
   * Called if events were lost or soon will be, if reading waits for room, or if a handler took too
   * long.
   */
  onWarning?: ((warning: ConsumerWarning) => void) | undefined
}

/**
 * Called with each event at least once. The event is handled for good when the handler returns or
 * its promise resolves.
 */
export type EventHandler = (event: SaleEvent, context: HandlerContext) => unknown

const OPTIONS: Names<ConsumeOptions> = {
  group: true,
  name: true,
  concurrency: true,
  start: true,
  leaseMs: true,
  handlerTimeoutMs: true,
  maxAttempts: true,
  retryDelayMs: true,
  maxRetryDelayMs: true,
  maxParked: true,
  maxStreamLength: true,
  pollMs: true,
  onDeadLetter: true,
  onError: true,
  onWarning: true,
}

export type Settings = Filled<Omit<ConsumeOptions, 'onDeadLetter' | 'onError' | 'onWarning'>> &
  Pick<ConsumeOptions, 'onDeadLetter' | 'onError' | 'onWarning'>

export function checkConsumeOptions(given: ConsumeOptions): Settings {
  checkOptions(given, 'options', OPTIONS)
  const options = given
  const { start = 'beginning', name = 'consumer' } = options
  if (start !== 'beginning' && start !== 'now') throw invalid('start', "must be 'beginning' or 'now'")
  const number = <K extends keyof ConsumeOptions>(key: K, fallback: number, min: number, max: number) =>
    options[key] === undefined ? fallback : checkInteger(options[key], key, min, max)
  const retryDelayMs = number('retryDelayMs', 1_000, 1, MAX_SPAN_MS)
  return {
    group: checkId(options.group, 'group'),
    name: checkId(name, 'name'),
    concurrency: number('concurrency', 16, 1, 10_000),
    start,
    leaseMs: number('leaseMs', 10_000, 100, 3_600_000),
    handlerTimeoutMs: number('handlerTimeoutMs', 300_000, 1, MAX_SPAN_MS),
    maxAttempts: number('maxAttempts', 10, 1, 1_000_000),
    retryDelayMs,
    maxRetryDelayMs: Math.max(retryDelayMs, number('maxRetryDelayMs', 60_000, 1, MAX_SPAN_MS)),
    maxParked: number('maxParked', 1_000, 1, 10_000),
    maxStreamLength: number('maxStreamLength', 1_000_000, 1_000, 1_000_000_000),
    pollMs: number('pollMs', 1_000, 1, 3_600_000),
    ...callback(options.onDeadLetter, 'onDeadLetter'),
    ...callback(options.onError, 'onError'),
    ...callback(options.onWarning, 'onWarning'),
  }
}

export function checkHandler(handler: unknown): EventHandler {
  if (typeof handler !== 'function') throw invalid('handler', 'must be a function')
  return handler as EventHandler
}

function callback<K extends string, F>(given: F | undefined, name: K): { [N in K]?: F } {
  if (given === undefined) return {}
  if (typeof given !== 'function') throw invalid(name, 'must be a function')
  return { [name]: given } as { [N in K]?: F }
}
