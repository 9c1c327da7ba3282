import fc from 'fast-check'
import type { LimitRule, RulesUpdate, SaleRules } from '../../src/index.js'
import { START } from '../support/engines.js'
import { confirm, describe, type Operation, release, reserve } from './operations.js'
import { refunds } from './refunds.js'
import { transfers } from './transfers.js'
import { HANDLES, type Request, type World } from './world.js'

/** One step of a story: something that happens to the sale. */
export interface Step {
  run(world: World): Promise<unknown>
  toString(): string
}

/** One request of one process, delivered once or, by a driver that resends, twice. */
export class Send implements Step {
  constructor(
    readonly request: Request,
    readonly times: number,
  ) {}

  run(world: World) {
    return world.send(this.request, this.times)
  }

  toString() {
    return `${this.request.handle}: ${describe(this.request.operation)}${this.times > 1 ? ' delivered twice' : ''}`
  }
}

/** Requests that are under way at once. */
export class Together implements Step {
  constructor(readonly requests: readonly Request[]) {}

  run(world: World) {
    return world.sendTogether(this.requests)
  }

  toString() {
    return `at once [${this.requests.map(({ handle, operation }) => `${handle}: ${describe(operation)}`).join('; ')}]`
  }
}

/** An earlier request is sent again, perhaps by another process. */
class Again implements Step {
  constructor(
    readonly place: number,
    readonly handle: number,
  ) {}

  async run(world: World) {
    const { history } = world
    if (history.length === 0) return
    const { operation } = history[this.place % history.length]!
    await world.send({ handle: this.handle, operation })
  }

  toString() {
    return `${this.handle}: again request #${this.place}`
  }
}

export class Pass implements Step {
  constructor(readonly ms: number) {}

  run(world: World) {
    return world.pass(this.ms)
  }

  toString() {
    return `${this.ms} ms pass`
  }
}

/** A process ends and another one begins. */
class Replace implements Step {
  constructor(readonly handle: number) {}

  run(world: World) {
    return world.replaceHandle(this.handle)
  }

  toString() {
    return `process ${this.handle} is replaced`
  }
}

/** A buyer who cannot decide: more ended reservations than an engine keeps at hand. */
export class Churn implements Step {
  constructor(
    readonly buyer: string,
    readonly times: number,
  ) {}

  async run(world: World) {
    const sku = Object.keys(world.rules.stock)[0]!
    for (let i = 0; i < this.times; i++) {
      const key = `churn ${i}`
      const items = [{ sku, quantity: 1 }]
      const answer = await world.send({
        handle: 0,
        operation: reserve({ buyer: this.buyer, items, key }),
      })
      if (answer.status !== 'reserved') continue
      const place = Number(answer.reservation!.id.slice(1)) - 1
      await world.send({ handle: 0, operation: release(place) })
    }
  }

  toString() {
    return `${this.buyer} reserves and releases ${this.times} times`
  }
}

/** A buyer lets a hold expire, buys again, and pays for both. */
export class PayTwice implements Step {
  constructor(
    readonly buyer: string,
    readonly quantity: number,
  ) {}

  async run(world: World) {
    const items = [{ sku: Object.keys(world.rules.stock)[0]!, quantity: this.quantity }]
    for (const holdMs of [1, 100]) {
      const operation = reserve({ buyer: this.buyer, items, key: `twice ${holdMs}`, holdMs })
      await world.send({ handle: 0, operation })
      await world.pass(1)
    }
    for (const place of world.lastPlaces(2))
      await world.send({ handle: 1, operation: confirm(place, { paymentId: 'p3' }) })
  }

  toString() {
    return `${this.buyer} lets ${this.quantity} expire, buys again, and pays for both`
  }
}

/** Counts are asked for and proved, which sweeps. */
class AuditNow implements Step {
  run(world: World) {
    return world.audit()
  }

  toString() {
    return 'audit()'
  }
}

const buyers = fc.constantFrom('ann', 'ann', 'ann', 'bob', 'cy')
const places = fc.nat({ max: 9 })
const SKUS = ['a', 'b', 'c'] as const

/** Limits over several SKUs. */
const SHARED: LimitRule[][] = [
  [{ skus: ['a', 'b'], perBuyer: 2 }],
  [{ skus: ['b', 'a'], perBuyer: 3 }],
  [
    { skus: ['a', 'b', 'c'], perBuyer: 4 },
    { skus: ['c', 'a'], perBuyer: 1 },
  ],
  [{ skus: ['d', 'a'], perBuyer: 2 }],
]

/** Rules of single SKUs. */
const OWN: NonNullable<SaleRules['skus']>[] = [
  { a: { returnsTo: 'b' } },
  { a: { returnsTo: 'c' }, b: { returnsTo: 'c', closesAt: START + 300 } },
  { a: { opensAt: START + 100 } },
  { a: { closesAt: START + 200 }, b: { closesAt: START + 100, always: true } },
  { a: { closesAt: START + 600 }, c: { opensAt: START + 200 } },
]

function option<T, K extends string>(name: K, value: fc.Arbitrary<T>): fc.Arbitrary<{ [N in K]?: T }> {
  return fc.option(value, { nil: undefined }).map((given) => {
    return (given === undefined ? {} : { [name]: given }) as { [N in K]?: T }
  })
}

/** @param skus The SKUs that buyers ask for; one that is new costs the call a question. */
function carts(skus: readonly string[]) {
  const line = fc.record({
    sku: fc.constantFrom(...skus),
    quantity: fc.oneof({ arbitrary: fc.constant(1), weight: 3 }, fc.integer({ min: 2, max: 3 })),
  })
  return fc.oneof(
    { arbitrary: line.map((one) => [one]), weight: 3 },
    fc.array(line, { minLength: 2, maxLength: 3 }),
  )
}

function reserves(skus: readonly string[]): fc.Arbitrary<Operation> {
  return fc
    .tuple(
      buyers,
      carts(skus),
      option('key', fc.constantFrom('k1', 'k2', 'k3')),
      option('holdMs', fc.constantFrom(1, 50, 150)),
    )
    .map(([buyer, cart, key, holdMs]) => reserve({ buyer, items: cart, ...key, ...holdMs }))
}

/** What an update names; `d` is a SKU that the sale does not begin with. */
function updates(): fc.Arbitrary<Operation> {
  const moments = (...after: readonly number[]) => fc.constantFrom(null, ...after.map((ms) => START + ms))
  return fc
    .tuple(
      option('opensAt', moments(0, 150, 500)),
      option('closesAt', moments(150, 400, 900, 5_000)),
      option(
        'limitPerBuyer',
        fc.constantFrom<RulesUpdate['limitPerBuyer'][]>(1, 2, 3, null, { a: 1 }, { b: null }, { d: 2 }),
      ),
      option('limits', fc.constantFrom<RulesUpdate['limits'][]>(null, null, ...SHARED)),
      option(
        'skus',
        fc.constantFrom<RulesUpdate['skus'][]>(
          ...OWN,
          { a: null, b: null, c: { opensAt: null } },
          { a: { returnsTo: null }, c: { returnsTo: 'b' } },
          { b: { returnsTo: 'd' } },
        ),
      ),
      option('holdMs', fc.constantFrom(100, 300)),
      option('maxHoldMs', fc.constantFrom(100, 300, 1_300)),
      option('stock', fc.constantFrom<Record<string, number>>({ d: 2 }, { d: 2 }, { d: 3 })),
    )
    .map((parts) => ({ do: 'update', update: Object.assign({}, ...parts) as RulesUpdate }))
}

/**
 * @param alone What takes several steps is not sent at once with others.
 */
function operations(alone: boolean): fc.Arbitrary<Operation> {
  const weighted = (weight: number, arbitrary: fc.Arbitrary<Operation>) => ({ weight, arbitrary })
  const payment = option('paymentId', fc.constantFrom('p1', 'p2'))
  const buyer = fc.oneof({ arbitrary: fc.constant({}), weight: 3 }, option('buyer', buyers))
  const amount = fc.oneof(fc.integer({ min: 1, max: 3 }), fc.integer({ min: -4, max: -1 }))
  return fc.oneof(
    weighted(12, reserves(alone ? ['a', 'a', 'a', 'b', 'c', 'd'] : ['a', 'a', 'a', 'b', 'c'])),
    ...(alone ? [weighted(3, updates()), weighted(6, transfers(places, buyers))] : []),
    weighted(
      7,
      fc.tuple(places, payment, buyer).map(([place, paid, own]) => confirm(place, { ...paid, ...own })),
    ),
    weighted(
      4,
      fc.tuple(places, buyer).map(([place, own]) => release(place, own)),
    ),
    weighted(
      5,
      fc
        .tuple(places, carts(['a', 'a', 'a', 'b', 'c']), buyer)
        .map(([place, items, own]) => ({ do: 'amend', id: `#${place}`, buyer: null, items, ...own })),
    ),
    weighted(
      3,
      fc
        .tuple(places, fc.constantFrom(1, 100, 250, 10_000))
        .map(([place, ms]) => ({ do: 'extend', id: `#${place}`, holdMs: ms })),
    ),
    weighted(5, refunds(places, carts(['a', 'a', 'b', 'c']))),
    weighted(
      2,
      places.map((place) => ({ do: 'get', id: `#${place}` })),
    ),
    weighted(
      2,
      fc
        .tuple(buyers, fc.option(places, { nil: null }), fc.constantFrom(1, 3, 100))
        .map(([who, place, limit]) => {
          return { do: 'list', buyer: who, id: place === null ? null : `#${place}`, limit }
        }),
    ),
    weighted(
      2,
      fc
        .tuple(fc.constantFrom(...SKUS), amount, fc.constantFrom('s1', 's2', 's3', 's4'))
        .map(([sku, quantity, key]) => ({ do: 'restock', sku, quantity, key })),
    ),
    weighted(
      3,
      fc
        .tuple(
          fc.constantFrom(...SKUS),
          fc.nat({ max: 5 }),
          fc.constantFrom('t1', 't2', 't3', 't4', 't5', 't6'),
          fc.constantFrom(null, null, null, START - 1_000, START + 200),
        )
        .map(([sku, total, key, countedAt]) => ({ do: 'setTotal', sku, total, key, countedAt })),
    ),
    weighted(
      2,
      fc
        .tuple(
          fc.constantFrom(...SKUS),
          fc.constantFrom(...SKUS),
          fc.integer({ min: 1, max: 3 }),
          fc.constantFrom('m1', 'm2', 'm3'),
        )
        .map(([from, to, quantity, key]) => ({ do: 'move', from, to, quantity, key })),
    ),
    weighted(
      2,
      fc
        .constantFrom<'pause' | 'resume' | 'end'>('pause', 'resume', 'resume', 'resume', 'end')
        .map((action) => ({ do: 'control', action })),
    ),
    weighted(1, fc.constant({ do: 'stats' })),
  )
}

/** Sales small enough for buyers to get in each other's way. */
export const sales: fc.Arbitrary<SaleRules> = fc
  .record({
    units: fc.tuple(fc.nat({ max: 5 }), fc.nat({ max: 5 }), fc.nat({ max: 5 })),
    limit: fc.constantFrom<'none' | 'all' | 'some'>('none', 'all', 'all', 'some'),
    most: fc.integer({ min: 1, max: 3 }),
    shared: fc.oneof(
      fc.constant({}),
      fc.constantFrom(...SHARED.slice(0, 3)).map((limits) => ({ limits })),
    ),
    own: fc.oneof(
      { arbitrary: fc.constant({}), weight: 4 },
      fc.constantFrom(...OWN.slice(0, 4)).map((skus) => ({ skus })),
    ),
    holdMs: fc.constantFrom(100, 300),
    longer: fc.constantFrom(0, 100, 1_000),
    opens: option('opensAt', fc.constantFrom(START, START + 150)),
    closes: option('closesAt', fc.constantFrom(START + 400, START + 900)),
  })
  .map(({ units, limit, most, shared, own, holdMs, longer, opens, closes }) => {
    const limits = { none: {}, all: { limitPerBuyer: most }, some: { limitPerBuyer: { a: most } } }
    return {
      stock: Object.fromEntries(SKUS.map((sku, i) => [sku, units[i]!])),
      ...limits[limit],
      ...shared,
      ...own,
      holdMs,
      maxHoldMs: holdMs + longer,
      ...opens,
      ...closes,
    }
  })

export function stories(maxLength: number): fc.Arbitrary<Step[]> {
  const handle = fc.nat({ max: HANDLES - 1 })
  const request = fc.record({ handle, operation: operations(true) })
  const requestAtOnce = fc.record({ handle, operation: operations(false) })
  const create = fc.boolean().map((same): Operation => ({ do: 'create', same }))
  const weighted = (weight: number, arbitrary: fc.Arbitrary<Step>) => ({ weight, arbitrary })
  const step = fc.oneof(
    weighted(
      28,
      fc.tuple(request, fc.constantFrom(1, 1, 2)).map(([each, times]) => new Send(each, times)),
    ),
    weighted(
      5,
      fc.array(requestAtOnce, { minLength: 2, maxLength: 4 }).map((requests) => new Together(requests)),
    ),
    weighted(
      4,
      fc.tuple(fc.nat({ max: 30 }), handle).map(([place, index]) => new Again(place, index)),
    ),
    weighted(
      7,
      fc.constantFrom(1, 49, 50, 99, 100, 199, 200, 300, -120).map((ms) => new Pass(ms)),
    ),
    weighted(
      1,
      handle.map((index) => new Replace(index)),
    ),
    weighted(
      1,
      fc.tuple(buyers, fc.integer({ min: 8, max: 12 })).map(([buyer, times]) => new Churn(buyer, times)),
    ),
    weighted(
      1,
      fc.tuple(buyers, fc.integer({ min: 1, max: 2 })).map(([buyer, units]) => new PayTwice(buyer, units)),
    ),
    weighted(1, fc.constant(new AuditNow())),
    weighted(
      1,
      fc.tuple(handle, create).map(([index, operation]) => new Send({ handle: index, operation }, 1)),
    ),
  )
  return fc.array(step, { minLength: 1, maxLength, size: 'max' })
}
