import type { SaleInUse } from '../heartbeat/figures.js'
import { enterHeartbeat, type Membership } from '../heartbeat/heartbeat.js'
import { AcknowledgementCache } from './acknowledgement-cache.js'
import type { AdmissionGate } from './admission-gate.js'
import { saleCourseSource } from './course.js'
import { LedgerBarrier } from './ledger-barrier.js'
import type { checkFlashSaleOptions } from './options.js'
import { type RecoverableHandle, recoveryResponder } from './recovery/recovery-responder.js'
import { RetainedSale } from './removal/retained-sale.js'
import { removeRetained } from './removal/retention.js'
import { ReservationCommands } from './reservation-commands.js'
import { SaleClient } from './sale-client.js'
import { SaleWide } from './sale-wide.js'
import { SoldOutCache } from './sold-out-cache.js'

/** What the methods of one handle share. */
export interface SaleContext {
  /** The id of the sale. */
  readonly sale: string
  readonly client: SaleClient
  readonly saleWide: SaleWide
  readonly soldOut: SoldOutCache
  readonly acknowledged: AcknowledgementCache
  readonly reservations: ReservationCommands
  readonly ledgerBarrier: LedgerBarrier | undefined
  readonly gate: AdmissionGate | undefined
  /** `undefined`: the engine has none. */
  readonly heartbeat: Membership | undefined
  close(): void
}

export function openSale(
  id: string,
  { engine, limits, gate, ledger }: ReturnType<typeof checkFlashSaleOptions>,
): SaleContext {
  const client = new SaleClient(id, engine, limits)
  const leave = removeRetained(engine, (name) => new RetainedSale(new SaleClient(name, engine, limits)))
  const acknowledged = new AcknowledgementCache()
  const soldOut = new SoldOutCache(engine.elapsed, engine.isLocal ? 0 : undefined)
  client.partitions.onMoved = (moved) => acknowledged.noteMoved(moved)
  client.onRules = () => soldOut.forget()
  const handle: RecoverableHandle = {
    ...{ kind: 'sale', id, responder: recoveryResponder, course: saleCourseSource(client) },
    inUse: () => inUseOf(id, client),
    recovering: { sale: id, client, acknowledged, soldOut },
  }
  const heartbeat = enterHeartbeat(engine, handle)
  const ledgerBarrier = ledger && new LedgerBarrier(client, ledger.attach(client.source), limits.maxInFlight)
  return {
    sale: id,
    client,
    saleWide: new SaleWide(client),
    soldOut,
    acknowledged,
    heartbeat,
    reservations: new ReservationCommands(client, acknowledged, ledgerBarrier),
    ledgerBarrier,
    gate,
    close() {
      leave()
      heartbeat?.leave()
      client.close()
    },
  }
}

/** The sale that a handle has used, unless it was removed. */
function inUseOf(id: string, { partitions, removal }: SaleClient): SaleInUse | undefined {
  const { incarnation, count } = partitions
  return incarnation === null || removal?.isRemoved ? undefined : { id, incarnation, partitions: count }
}
