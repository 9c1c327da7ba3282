import type { Command } from '../../engine/engine.js'
import { assembleAll, compile, type Script } from '../script.js'
import acl from './concerns/acl.lua'
import commit from './concerns/commit.lua'
import eachReservation from './concerns/each_reservation.lua'
import endedHolds from './concerns/ended_holds.lua'
import eventLog from './concerns/event_log.lua'
import expiry from './concerns/expiry.lua'
import idempotency from './concerns/idempotency.lua'
import latePayment from './concerns/late_payment.lua'
import limitsAndStock from './concerns/limits_and_stock.lua'
import mayWrite from './concerns/may_write.lua'
import newPartition from './concerns/new_partition.lua'
import partition from './concerns/partition.lua'
import readOnly from './concerns/read_only.lua'
import recordChanges from './concerns/record_changes.lua'
import records from './concerns/records.lua'
import rollbackDetection from './concerns/rollback_detection.lua'
import stockMoves from './concerns/stock_moves.lua'
import stockTransfers from './concerns/stock_transfers.lua'
import confirm from './scripts/confirm.lua'
import control from './scripts/control.lua'
import create from './scripts/create.lua'
import describe from './scripts/describe.lua'
import readEvents from './scripts/events.lua'
import extend from './scripts/extend.lua'
import get from './scripts/get.lua'
import rebuild from './scripts/rebuild.lua'
import receive from './scripts/receive.lua'
import refund from './scripts/refund.lua'
import release from './scripts/release.lua'
import reserve from './scripts/reserve.lua'
import restock from './scripts/restock.lua'
import scan from './scripts/scan.lua'
import send from './scripts/send.lua'
import stats from './scripts/stats.lua'
import sweep from './scripts/sweep.lua'
import transfers from './scripts/transfers.lua'

/** What these scripts include, by the names of the files. */
export const saleConcerns = {
  acl,
  commit,
  each_reservation: eachReservation,
  ended_holds: endedHolds,
  event_log: eventLog,
  expiry,
  idempotency,
  late_payment: latePayment,
  limits_and_stock: limitsAndStock,
  may_write: mayWrite,
  new_partition: newPartition,
  partition,
  read_only: readOnly,
  record_changes: recordChanges,
  records,
  rollback_detection: rollbackDetection,
  stock_moves: stockMoves,
  stock_transfers: stockTransfers,
}

/**
 * What gives stock back must work while Redis is over `maxmemory`; `no-writes` lets a script run where writing is refused.
 */
const texts = assembleAll<Command>(
  {
    create: { flags: '', lua: create },
    describe: { flags: 'no-writes', lua: describe },
    rebuild: { flags: '', lua: rebuild },
    reserve: { flags: '', lua: reserve },
    confirm: { flags: 'allow-oom', lua: confirm },
    release: { flags: 'allow-oom', lua: release },
    extend: { flags: 'allow-oom', lua: extend },
    refund: { flags: 'allow-oom', lua: refund },
    get: { flags: 'no-writes', tells: true, lua: get },
    restock: { flags: 'allow-oom', lua: restock },
    control: { flags: 'allow-oom', lua: control },
    send: { flags: 'allow-oom', lua: send },
    receive: { flags: 'allow-oom', lua: receive },
    transfers: { flags: 'no-writes', lua: transfers },
    stats: { flags: 'allow-oom', lua: stats },
    sweep: { flags: 'allow-oom', lua: sweep },
    scan: { flags: 'no-writes', lua: scan },
    events: { flags: 'no-writes', tells: true, lua: readEvents },
  },
  saleConcerns,
)

export function compileScripts(clock: string): Record<Command, Script> {
  return compile(texts, clock)
}
