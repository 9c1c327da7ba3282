import type { Answer, Op } from '../../engine/engine.js'
import { type PartitionState, retry, type Step } from './partition-state.js'

export function bind(
  state: PartitionState,
  { buyer, household }: Op<'bind'>,
  { overdue }: Step,
): Answer<'bind'> {
  const known = state.householdByBuyer.get(buyer) ?? null
  if (known !== null || household === null) return { status: 'bound', household: known }
  if (overdue) return retry
  state.householdByBuyer.set(buyer, household)
  state.append({ type: 'bound', buyer, household })
  return { status: 'bound', household }
}
