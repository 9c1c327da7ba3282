import type { Answer, StoredReservation } from '../../engine/engine.js'
import { ID_OFFSET, PART_LENGTH, writeDigits } from '../../engine/reservation-id.js'
import { Reader } from '../msgpack.js'
import { asAt, readRecord, type SaleCodec, unknownStatus, writeColumn, writeIds } from './record-codec.js'

/** Pages of a buyer's reservations. */
export const listCodec: SaleCodec<'list'> = {
  encode(ops, to) {
    writeIds(ops, 1, to)
    writeColumn(ops, to, (op) => op.buyer)
    to.array(ops.length)
    for (const { after } of ops) {
      const at = to.bytesOf(after === null ? 0 : 6)
      if (after !== null) writeDigits(after, ID_OFFSET.nonce, PART_LENGTH, to.bytes, at)
    }
    writeColumn(ops, to, (op) => op.most)
  },
  decode: (ops, from) =>
    ops.map(({ id }, i): Answer<'list'> => {
      const status = from.statuses[i]
      if (status === 0x4d /* M */) return { status: 'not_found' }
      if (status !== 0x46 /* F */) throw unknownStatus('list', status)
      const records = new Reader(from.next() as Buffer)
      const reservations: StoredReservation[] = []
      while (!records.done) reservations.push(asAt(readRecord(records, id, from), from.now))
      const household = String(from.next())
      const listed = { status: 'listed', reservations } as const
      return household === '' ? listed : { ...listed, household }
    }),
}
