import pLimit from 'p-limit'
import type { CallOptions } from '../batching/batcher-set.js'
import type { FinalAnswer, SkuCounts, Units } from '../engine/engine.js'
import { CARRIED } from '../engine/transfer-commands.js'
import { auditPartition, type PartitionAudit } from './audit-partition.js'
import { readAll } from './fan-out.js'
import { label } from './labels.js'
import type { Parts } from './partitions.js'
import type { SaleRulesIndex } from './reserve-request.js'
import type { Audit, Violation } from './results.js'
import { sound, sumCounts } from './totals.js'

const tuning = {
  /** How many partitions are recounted at a time. All reservations of each are then in memory. */
  atOnce: 4,
  /** How often the audit tries to read a partition's counts while no units move. */
  readings: 5,
}

type Transfers = FinalAnswer<'transfers'>

/**
 * Recounts each partition, then compares the units sent with the units received.
 *
 * @param call Makes the deadline and the signal of one step.
 */
export async function auditSale(
  parts: Parts,
  incarnation: string,
  book: SaleRulesIndex,
  call: () => CallOptions,
): Promise<Audit> {
  const limit = pLimit(tuning.atOnce)
  const audits = await limit.map(Array(parts.count).keys(), (partition) =>
    auditOne(parts, partition, incarnation, book, call),
  )
  const across =
    parts.count === 1 ? [] : [...(await unsent(parts, book, call)), ...(await unbalanced(parts, book, call))]
  const named = audits.flatMap(({ violations }, partition) =>
    parts.count === 1
      ? violations
      : violations.map((one) => ({ ...one, message: `partition ${partition}: ${one.message}` })),
  )
  const violations = [...named, ...across]
  const skus = sumCounts(audits.map((audit) => audit.skus)).map(sound)
  return {
    ok: violations.length === 0,
    skus: Object.fromEntries(skus.map((counts, skuIndex) => [book.sku(skuIndex), counts])),
    reservations: audits.reduce((sum, audit) => sum + audit.reservations, 0),
    violations,
  }
}

async function auditOne(
  parts: Parts,
  partition: number,
  incarnation: string,
  book: SaleRulesIndex,
  call: () => CallOptions,
): Promise<PartitionAudit> {
  const source = {
    scan: (op: { cursor: string }) => parts.ask(partition, 'scan', op, call(), (answer) => answer),
    events: (op: { after: number; reservations: boolean }) =>
      parts.ask(partition, 'events', op, call(), (answer) => answer),
    get: (id: string) =>
      parts.ask(partition, 'get', { id }, call(), (answer) =>
        answer.status === 'found' ? answer.reservation : undefined,
      ),
  }
  return auditPartition(source, parts.session(partition).history.sequence, book, { partition, incarnation })
}

/**
 * Finds units that were received but never sent. The received units are read first: the sent ones
 * can only have grown since.
 */
async function unsent(parts: Parts, book: SaleRulesIndex, call: () => CallOptions): Promise<Violation[]> {
  const first = await readTransfers(parts, call)
  const later = await readTransfers(parts, call)
  const violations: Violation[] = []
  for (const [target, { received }] of first.entries()) {
    for (const [source, units] of received) {
      // Units of reservations are counted apart.
      const [one, carried] = [source % CARRIED, source - (source % CARRIED)]
      const sent = new Map(later[one]!.sent.find(([to]) => to === target + carried)?.[1])
      for (const [sku, quantity] of units) {
        if (quantity <= (sent.get(sku) ?? 0)) continue
        const name = label(book.sku(sku))
        const message = `${name}: partition ${target} has received ${quantity} from ${one}, which sent ${sent.get(sku) ?? 0}`
        violations.push({ rule: 'transfer', message })
      }
    }
  }
  return violations
}

/** Finds partitions whose `inTransit` is not the units sent minus the units received. */
async function unbalanced(parts: Parts, book: SaleRulesIndex, call: () => CallOptions): Promise<Violation[]> {
  const found = await readAll(parts.count, async (partition) => {
    for (let reading = 0; reading < tuning.readings; reading++) {
      const before = await readOne(parts, partition, call)
      const skus = await parts.ask(partition, 'stats', {}, call(), (answer) => answer.skus)
      const after = await readOne(parts, partition, call)
      // Both only grow: if they are equal before and after, they did not change in between.
      if (JSON.stringify(before) === JSON.stringify(after))
        return [...differing(partition, before, skus, book)]
    }
    return []
  })
  return found.flat()
}

function* differing(
  partition: number,
  { sent, received }: Transfers,
  skus: readonly SkuCounts[],
  book: SaleRulesIndex,
): Generator<Violation> {
  const inTransitBy: number[] = skus.map(() => 0)
  const add = (rows: readonly (readonly [number, Units])[], sign: number) => {
    for (const [, units] of rows) for (const [sku, quantity] of units) inTransitBy[sku]! += sign * quantity
  }
  add(sent, 1)
  add(received, -1)
  for (const [sku, { inTransit }] of skus.entries()) {
    if (inTransit === inTransitBy[sku]) continue
    const name = label(book.sku(sku))
    const message = `partition ${partition}: ${name}: inTransit is ${inTransit}, its transfers say ${inTransitBy[sku]}`
    yield { rule: 'transfer', message }
  }
}

function readTransfers(parts: Parts, call: () => CallOptions): Promise<Transfers[]> {
  return readAll(parts.count, (partition) => readOne(parts, partition, call))
}

function readOne(parts: Parts, partition: number, call: () => CallOptions): Promise<Transfers> {
  return parts.ask(partition, 'transfers', {}, call(), (answer) => answer)
}
