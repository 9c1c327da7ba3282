import type { PresentRules } from '../../engine/engine.js'
import { invalid } from '../../errors.js'
import { checkBoolean, checkOptions, type SignalOption } from '../../validation.js'
import type { AcknowledgementCache } from '../acknowledgement-cache.js'
import { isLedger, type Ledger } from '../ledger.js'
import type { SaleRulesIndex } from '../reserve-request.js'
import type { Recovery } from '../results.js'
import type { SaleClient } from '../sale-client.js'
import { RecoverySession } from './recovery-session.js'

const RECOVERY = { from: true, unfreeze: true } as const

function presentOf({ rules, revision }: SaleRulesIndex): PresentRules {
  return { rules, revision, everywhere: false }
}

/** See `recover` of `FlashSale`. */
export async function recoverSale(
  client: SaleClient,
  acknowledged: AcknowledgementCache,
  recovery: { readonly from: 'accept' | 'replay' | Ledger; readonly unfreeze?: boolean | undefined },
  options?: SignalOption,
): Promise<Recovery> {
  checkOptions(recovery, 'recovery', RECOVERY)
  const { from, unfreeze = true } = recovery
  const ledger = isLedger(from) ? from : undefined
  if (from !== 'accept' && from !== 'replay' && !ledger)
    throw invalid('from', "must be 'accept', 'replay' or a ledger")
  const unfreezes = checkBoolean(unfreeze, 'unfreeze')
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
    from === 'accept' ? { restored: 0, refused: [], unknown: 0 } : await session.replay(sources)
  if (unfreezes) await session.unfreeze()
  if (from === 'accept') acknowledged.clear()
  return { ...replayed, forgotten: acknowledged.forgotten + unknown }
}
