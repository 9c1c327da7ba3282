import { StockholdError } from '../errors.js'
import type { SignalOption } from '../validation.js'
import type { checkRefundOptions } from './command-options.js'
import type { Settled } from './reservation-commands.js'
import type { SaleRulesIndex } from './reserve-request.js'
import type { Item, RefundResult } from './results.js'
import type { SaleContext } from './sale-context.js'

/** A part of an order needs a key: without one, a repeated call would refund another part. */
export type RefundOptions =
  | { restock: boolean; items?: undefined; key?: string | undefined }
  | { restock: boolean; items: readonly Item[]; key: string }

/** See `refund` of `FlashSale`. */
export async function refund(
  { client, reservations, acknowledged, soldOut }: SaleContext,
  reservationId: string,
  { restock, items, key }: ReturnType<typeof checkRefundOptions>,
  options: SignalOption,
): Promise<RefundResult> {
  const call = items ? client.call(options) : undefined
  const cart = call && (await client.learnAbout(items!, call)).cart(items!)
  const rest = { restock, ...(key !== null && { key }), ...(cart && { cart }) }
  const publish = (answer: Settled<'refund'>, book: SaleRulesIndex): RefundResult => {
    if (answer.status === 'conflict') throw anotherRefund()
    soldOut.forget()
    if (answer.status !== 'refunded') return reservations.publish(answer, book)
    const { reservation } = answer
    const refund = key === null ? undefined : { ...rest, id: reservation.id, key }
    acknowledged.note(reservation, { restocked: restock && items === null, refund })
    return book.result(answer)
  }
  return reservations.run('refund', reservationId, options, rest, publish, call)
}

export function anotherRefund(): StockholdError {
  return new StockholdError('IDEMPOTENCY_CONFLICT', 'The key was used for another refund of this order.')
}
