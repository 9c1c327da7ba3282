import { demand } from '../../../model/violation.js'
import type { Random } from '../random.js'
import type { RoomWorld } from './room-world.js'

/** Somebody was admitted: they try to buy, and not always honestly. */
export async function shop(world: RoomWorld, buyer: string, pass: string, random: Random): Promise<void> {
  if (!world.plan.sale || random.chance(0.15)) return
  const items = [{ sku: 'a', quantity: 1 }]
  const reserve = async (name: string, request: { buyer: string; pass?: string }) => {
    const process = world.anyProcess(random)
    if (!process) return undefined
    return world.call(
      process,
      `reserve ${name}`,
      () => world.saleAt(process).reserve({ items, ...request }),
      {
        heard: (result, span) => {
          if (result.status === 'reserved') world.ledger.bought(buyer, request.pass ?? '.e30.', span)
        },
      },
    )
  }
  if (random.chance(0.1)) {
    const forged = await reserve('another', random.chance(0.5) ? { buyer: 'another', pass } : { buyer })
    const refused = forged?.kind !== 'ok' || forged.value.status === 'pass_rejected'
    demand(refused, 'admission', () => 'somebody reserved without a pass of their own')
  }
  const reserved = await reserve(buyer, { buyer, pass })
  if (reserved?.kind !== 'ok' || reserved.value.status !== 'reserved') return
  const { id } = reserved.value.reservation
  if (random.chance(0.2)) return
  await world.world.agenda.sleep(random.whole(5, 500))
  const process = world.anyProcess(random)
  if (!process) return
  if (random.chance(0.75))
    await world.call(process, `confirm ${buyer}`, () => world.saleAt(process).confirm(id))
  else await world.call(process, `release ${buyer}`, () => world.saleAt(process).release(id))
}
