import { processClock, type Timer } from '../engine/clock.js'
import { StockholdError, type StockholdErrorCode } from '../errors.js'
import type { Reply } from './exchange.js'
import { type SaleReader, whyNot } from './sale-view.js'

const tuning = {
  /** A probe gives up after a second. Redis may be away for longer than that. */
  patienceMs: 500,
}

/** `GET /healthz` */
export function alive(): Reply<'alive'> {
  return { status: 200, body: { status: 'ok' } }
}

/**
 * Faults of this process: another process may do better. Every process has all other faults. To
 * take them all out of service would turn a sale that waits a moment into a shop that is gone.
 */
const OWN_FAULTS: ReadonlySet<StockholdErrorCode> = new Set(['CLOSED', 'INCOMPATIBLE_VERSION', 'INTERNAL'])

/** `GET /readyz`: 503 only for faults of this process. */
export async function ready(
  reader: SaleReader,
  isClosing: boolean,
  onError: (error: unknown) => void,
): Promise<Reply<'ready'>> {
  if (isClosing) return { status: 503, body: { canSell: false, why: 'closing' } }
  try {
    const why = await orUnavailable(reader.read().then(whyNot))
    return { status: 200, body: { canSell: why === null, why } }
  } catch (error) {
    const why = error instanceof StockholdError ? error.code : 'INTERNAL'
    if (!isOwn(error)) return { status: 200, body: { canSell: false, why } }
    onError(error)
    return { status: 503, body: { canSell: false, why } }
  }
}

function isOwn(error: unknown): boolean {
  if (!(error instanceof StockholdError)) return true
  // Not retryable: Redis refuses this process' login, its certificate, or a command.
  return OWN_FAULTS.has(error.code) || (error.code === 'UNAVAILABLE' && !error.retryable)
}

/** Of an answer that takes too long. */
async function orUnavailable<T>(answer: Promise<T>): Promise<T | 'UNAVAILABLE'> {
  let timer: Timer | undefined
  const late = new Promise<'UNAVAILABLE'>((resolve) => {
    timer = processClock.after(tuning.patienceMs, () => resolve('UNAVAILABLE'))
  })
  return Promise.race([answer, late]).finally(() => timer?.cancel())
}
