import type { RulesUpdate } from '../../../src/sale/rules-update.js'
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
export function drawOperations(seed: number, plan: Plan): readonly Operation[] {
  const { calls, thinkMs } = plan
  if (seed % EVERY !== EVERY - 1) return []
  const random = new Random(seed, EVERY)
  const after = () => random.whole(1, Math.max(20, (calls * thinkMs) / 3))
  const updates = Array.from({ length: random.whole(1, 4) }, () => drawUpdate(random, plan))
  const end: Call = { do: 'control', action: 'end' }
  const destroy: Call = { do: 'destroy', force: random.chance(0.3) }
  const removal = random.chance(0.6) ? [...(random.chance(0.7) ? [end] : []), destroy, destroy] : []
  return [...updates, ...removal].map((call) => ({ after: after(), call }))
}

function drawUpdate(random: Random, plan: Plan): Call {
  const parts = Array.from({ length: random.pick([1, 1, 2]) }, () => drawPart(random, plan))
  return { do: 'update', update: Object.assign({}, ...parts) as RulesUpdate }
}

function drawPart(random: Random, { skus, rules }: Plan): RulesUpdate {
  const times = [() => ({ opensAt: drawOpening(random) }), () => ({ closesAt: drawClosing(random) })]
  const limit = () => random.pick([null, 1, 2, 3])
  return random.pick<() => RulesUpdate>([
    () => ({ limitPerBuyer: random.chance(0.3) ? { [random.pick(skus)]: limit() } : limit() }),
    ...times,
    () => ({ holdMs: random.whole(20, rules.maxHoldMs!) }),
    () => ({ maxHoldMs: rules.maxHoldMs! + random.whole(0, 5_000) }),
    () => ({ stock: { [NEW_SKU]: 2 } }),
    ...(skus.length > 1 ? [() => ({ limits: drawLimits(random, skus) })] : []),
    ...(rules.limitPerHousehold === undefined
      ? []
      : [() => ({ limitPerHousehold: random.pick([null, 2, 3, 5]) })]),
    ...[0, 1].map(() => () => ({ skus: drawOwn(random, skus) })),
  ])()
}

function drawLimits(random: Random, skus: readonly string[]): RulesUpdate['limits'] {
  return random.chance(0.3) ? null : [{ skus: [...skus], perBuyer: random.whole(1, 4) }]
}

/** Rules of one SKU. Units return to the last one, whose own stay. */
function drawOwn(random: Random, skus: readonly string[]): RulesUpdate['skus'] {
  const sku = random.pick(skus)
  const [last] = skus.slice(-1)
  const own = random.pick([
    () => null,
    () => ({ opensAt: drawOpening(random) }),
    () => ({ closesAt: drawClosing(random) }),
    ...(sku === last ? [] : [0, 1, 2].map(() => () => ({ returnsTo: random.pick([null, last!]) }))),
  ])()
  return { [sku]: own }
}

function drawOpening(random: Random): number | null {
  return random.pick([null, EPOCH + random.whole(1, 900)])
}

function drawClosing(random: Random): number | null {
  return random.pick([null, EPOCH + random.whole(1_000, 9_000)])
}
