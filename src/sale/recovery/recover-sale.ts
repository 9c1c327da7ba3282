import type { PresentRules } from '../../engine/engine.js'
import { MAX_PROCESSES, REQUEST_KEPT_MS } from '../../engine/heartbeat.js'
import { invalid } from '../../errors.js'
import type { Membership } from '../../heartbeat/heartbeat.js'
import { checkBoolean, checkInteger, checkOptions, type Names, type SignalOption } from '../../validation.js'
import type { AcknowledgementCache } from '../acknowledgement-cache.js'
import { isLedger, type Ledger } from '../ledger.js'
import type { SaleRulesIndex } from '../reserve-request.js'
import type { RecoverOptions, Recovery } from '../results.js'
import type { SaleClient } from '../sale-client.js'
import type { SoldOutCache } from '../sold-out-cache.js'
import { pausePresent } from './pause-present.js'
import { RecoverySession } from './recovery-session.js'

const RECOVERY: Names<RecoverOptions> = { from: true, unfreeze: true, paused: true, everywhere: true }
const EVERYWHERE: Names<NonNullable<RecoverOptions['everywhere']>> = {
  waitFor: true,
  timeoutMs: true,
  onProgress: true,
}

/** Checked options of `recover`. */
export interface CheckedRecovery {
  readonly from: 'accept' | 'replay' | Ledger
  /** `undefined`: yes, but with `everywhere` only if all processes have answered. */
  readonly unfreeze: boolean | undefined
  /** The sale is paused before it could sell. */
  readonly paused: boolean
  readonly everywhere?: RecoverOptions['everywhere']
}

/** What a recovery in this process needs of a handle. */
export interface RecoveringHandle {
  /** The id of the sale. */
  readonly sale: string
  readonly client: SaleClient
  readonly acknowledged: AcknowledgementCache
  readonly soldOut: SoldOutCache
  readonly heartbeat?: Membership | undefined
}

/** @throws {StockholdError} `INVALID_ARGUMENT` */
export function checkRecovery(recovery: RecoverOptions): CheckedRecovery {
  const { from, unfreeze, paused = false, everywhere } = checkOptions(recovery, 'recovery', RECOVERY)
  if (from !== 'accept' && from !== 'replay' && !isLedger(from))
    throw invalid('from', "must be 'accept', 'replay' or a ledger")
  const checked = {
    from: from as CheckedRecovery['from'],
    unfreeze: unfreeze === undefined ? undefined : checkBoolean(unfreeze, 'unfreeze'),
    paused: checkBoolean(paused, 'paused'),
  }
  if (checked.paused && checked.unfreeze === false)
    throw invalid('paused', 'needs a sale that is unfrozen: a sale that stays frozen is paused by `pause`')
  return everywhere === undefined ? checked : { ...checked, everywhere: checkEverywhere(everywhere) }
}

function checkEverywhere(everywhere: unknown): NonNullable<RecoverOptions['everywhere']> {
  const { waitFor, timeoutMs, onProgress } = checkOptions(everywhere, 'everywhere', EVERYWHERE)
  if (onProgress !== undefined && typeof onProgress !== 'function')
    throw invalid('everywhere.onProgress', 'must be a function')
  return {
    waitFor: checkInteger(waitFor, 'everywhere.waitFor', 1, MAX_PROCESSES),
    timeoutMs: checkInteger(timeoutMs, 'everywhere.timeoutMs', 1, REQUEST_KEPT_MS),
    onProgress: onProgress as NonNullable<RecoverOptions['everywhere']>['onProgress'],
  }
}

function presentOf({ rules, revision }: SaleRulesIndex): PresentRules {
  return { rules, revision, everywhere: false }
}

/** What a recovery has done. */
export type Recovered = Omit<Recovery, 'state'>

/** Recovers a sale with what this handle knows: see `recover` of `FlashSale`. */
export async function recoverSale(
  handle: RecoveringHandle,
  recovery: Omit<CheckedRecovery, 'everywhere'>,
  options?: SignalOption,
): Promise<Recovered> {
  if (recovery.paused) await pausePresent(handle.client, options)
  const { recovery: recovered, session } = await recoverInSession(handle, recovery, options)
  // The answers of a recovery everywhere tell it to the process that unfreezes.
  if (recovery.unfreeze === false) await session.leave()
  return recovered
}

/** The same, with the session that has done it. */
export async function recoverInSession(
  { client, acknowledged, soldOut }: RecoveringHandle,
  { from, unfreeze = true, paused }: Omit<CheckedRecovery, 'everywhere'>,
  options?: SignalOption,
): Promise<{ readonly recovery: Recovered; readonly session: RecoverySession }> {
  const ledger = typeof from === 'string' ? undefined : from
  const record = ledger && (await client.recall(ledger, options))
  // What this handle knows, even if it is outdated: partition 0 may be gone.
  const rulesIndex = client.known ?? (await client.learn(client.call(options)))
  await client.removal?.refuseRemoved(client.call(options))
  const session = new RecoverySession(client, rulesIndex, options)
  await session.rebuild(
    from === 'accept' ? [] : [presentOf(rulesIndex), ...(record?.present ? [record.present] : [])],
  )
  await client.removal?.registerAgain(client.call(options), rulesIndex.rules.retainMs !== undefined)
  const sources = record ? [await record.recoverySource(), acknowledged] : [acknowledged]
  const { unknown, ...replayed } =
    from === 'accept'
      ? { restored: 0, refused: session.overtaken, unknown: 0 }
      : await session.replay(sources)
  await session.look()
  if (unfreeze) await session.unfreezing(paused)()
  if (from === 'accept') acknowledged.clear()
  soldOut.forget()
  return { recovery: { ...replayed, forgotten: acknowledged.forgotten + unknown }, session }
}
