import type { CallOptions } from '../batching/batcher-set.js'
import type { FinalAnswer } from '../engine/engine.js'
import { isSameBucket, partitionIn, partitionOf } from '../engine/reservation-id.js'
import { invalid } from '../errors.js'
import type { SignalOption } from '../validation.js'
import type { checkListOptions } from './command-options.js'
import { mintId } from './partitions.js'
import type { Reservation } from './results.js'
import type { SaleClient } from './sale-client.js'
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
  const own = mintId(incarnation!, buyer, count)
  const household = rulesIndex.hasHouseholds ? await householdOf(client, own, buyer, call) : undefined
  const id = household === undefined ? own : mintId(incarnation!, buyer, count, household)
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

/** The buyer's own partition knows the household, whose partition has the reservations. */
function householdOf(
  client: SaleClient,
  id: string,
  buyer: string,
  call: CallOptions,
): Promise<string | undefined> {
  const op = { id, buyer, after: null, most: 1 }
  const told = (answer: FinalAnswer<'list'>) => (answer.status === 'listed' ? answer.household : undefined)
  return client.partitions.at(partitionIn(id)).ask('list', op, call, told)
}

function notTheirs() {
  return invalid('cursor', 'must be the id of a reservation of this buyer')
}
