import { EPOCH } from '../../../src/testing/agenda.js'
import type { Call } from '../../model/call.js'
import type { Plan } from './plan.js'
import { Random } from './random.js'

/** A SKU that the sale does not begin with. Its units are sold when the faults are over. */
export const NEW_SKU = 'new'

/** Of how many runs one has an operator: the others are what they were without one. */
const EVERY = 4

/** What the operator of a run does. */
export interface Operation {
  /** ms to wait before. */
  readonly after: number
  readonly call: Call
}

/** Changes the rules of the sale while it runs, and removes it when it is over. */
export function drawOperations(seed: number, { rules, calls, thinkMs }: Plan): readonly Operation[] {
  if (seed % EVERY !== EVERY - 1) return []
  const random = new Random(seed, EVERY)
  const after = () => random.whole(1, Math.max(20, (calls * thinkMs) / 3))
  const updates = Array.from({ length: random.whole(1, 4) }, () => drawUpdate(random, rules.maxHoldMs!))
  const end: Call = { do: 'control', action: 'end' }
  const destroy: Call = { do: 'destroy', force: random.chance(0.3) }
  const removal = random.chance(0.6) ? [...(random.chance(0.7) ? [end] : []), destroy, destroy] : []
  return [...updates, ...removal].map((call) => ({ after: after(), call }))
}

function drawUpdate(random: Random, maxHoldMs: number): Call {
  const update = random.pick([
    () => ({ limitPerBuyer: random.pick([null, 1, 2, 3]) }),
    () => ({ closesAt: random.pick([null, EPOCH + random.whole(1_000, 9_000)]) }),
    () => ({ holdMs: random.whole(20, maxHoldMs) }),
    () => ({ stock: { [NEW_SKU]: 2 } }),
  ])()
  return { do: 'update', update }
}
