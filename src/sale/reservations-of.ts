import { isSameBucket, partitionIn, partitionOf } from '../engine/reservation-id.js'
import { invalid } from '../errors.js'
import type { SignalOption } from '../validation.js'
import type { checkListOptions } from './command-options.js'
import { mintId } from './partitions.js'
import type { Reservation } from './results.js'
import type { SaleContext } from './sale-context.js'

/** A page of a buyer's reservations. See `reservationsOf` of `FlashSale`. */
export async function reservationsOf(
  { client, acknowledged }: SaleContext,
  buyer: string,
  { most, after }: ReturnType<typeof checkListOptions>,
  options: SignalOption,
): Promise<Reservation[]> {
  const call = client.call(options)
  const rulesIndex = await client.learn(call)
  const { incarnation, count } = client.partitions
  const id = mintId(incarnation!, buyer, count)
  if (after !== null && !(partitionOf(after) !== undefined && isSameBucket(after, id))) throw notTheirs()
  const op = { id, buyer, after, most }
  const found = await client.partitions.at(partitionIn(id)).ask(
    'list',
    op,
    call,
    (answer) => {
      if (answer.status === 'not_found') throw notTheirs()
      for (const reservation of answer.reservations) acknowledged.note(reservation)
      return answer.reservations
    },
    most,
  )
  const isNamed = found.every(({ cart }) => rulesIndex.names(cart))
  const present = isNamed ? rulesIndex : await client.refresh(call)
  return found.map((reservation) => present.reservation(reservation))
}

function notTheirs() {
  return invalid('cursor', 'must be the id of a reservation of this buyer')
}
