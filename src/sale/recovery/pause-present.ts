import { isGone } from '../../errors.js'
import type { SignalOption } from '../../validation.js'
import { askAll, failureOf } from '../fan-out.js'
import type { SaleClient } from '../sale-client.js'

/**
 * Pauses the partitions that Redis still has, frozen ones too, before the sale is recovered: one
 * that is not frozen sells until then.
 */
export async function pausePresent(client: SaleClient, options?: SignalOption): Promise<void> {
  const call = client.call(options)
  try {
    await client.learn(call)
  } catch (error) {
    if (isGone(error)) return
    throw error
  }
  const parts = client.partitions.recovering()
  const { failures } = await askAll(parts.count, (index) =>
    parts.ask(index, 'control', { action: 'pause' }, call, () => {}),
  )
  const others = [...failures].filter(([, error]) => !isGone(error))
  if (others.length > 0) throw failureOf(new Map(others), parts.count)
}
