import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import type { RedisServer } from '../lib/servers/redis/server.js'
import type { Books, Stage } from './stage.js'

const NAMES = ['a', 'b', 'c', 'd']
const ROOM_RATE = 20
const FASTER = 40

/** What has happened, in the order in which it has. */
export type Step = 'selling' | 'rate changed' | 'rolled back' | 'frozen' | 'recovered' | 'selling again'

export interface DrillReport extends Books {
  /** Of the recovery, as its command printed it. */
  readonly restored: number
  readonly refused: number
}

/**
 * The night on which Redis comes back from an old snapshot: four application servers sell, the
 * operator looks on, changes the rate of the waiting room, and recovers the sale by one command.
 *
 * @param sales How many reservations each server makes between two steps.
 * @throws If a step does not go as it must.
 */
export async function drill(
  stage: Stage,
  { sales }: { readonly sales: number },
  mark: (step: Step) => void,
): Promise<DrillReport> {
  const { operator, redis } = stage
  await stage.start(NAMES)
  await operator.open()
  await operator.sees('four processes, and units that are held', ({ processes, sales: [sale] }) => {
    const present = processes.filter(({ isPresent }) => isPresent)
    return present.length === NAMES.length && sale?.state === 'open' && (sale.skus?.[0]?.held ?? 0) > 0
  })
  await stage.sell(sales)
  mark('selling')
  await save(redis)
  await changeRate(stage)
  mark('rate changed')
  await stage.sell(sales)

  await rollBack(redis)
  mark('rolled back')
  await operator.sees('that the sale is frozen, and what to do', ({ sales: [sale], alerts }) => {
    const alert = alerts.find(({ kind, subject }) => kind === 'frozen' && subject === 'sale:launch')
    return sale?.state === 'frozen' && alert?.level === 'critical' && alert.guide.length > 0
  })
  mark('frozen')
  const { code, value } = await operator.stockhold(
    `recover launch --from replay --wait-for ${NAMES.length} --timeout 5m --as ann`,
  )
  if (code !== 0) throw new Error(`recover has ended with ${code}: ${JSON.stringify(value)}`)
  mark('recovered')
  await stage.sell(1)
  mark('selling again')
  await operator.sees('that the sale is open again', ({ sales: [sale], alerts }) => {
    return sale?.state === 'open' && !alerts.some(({ kind }) => kind === 'frozen')
  })
  // The waiting room is as old as the snapshot.
  await operator.sees(
    'the rate of the snapshot',
    ({ rooms: [room] }) => room?.stats?.ratePerSecond === ROOM_RATE,
  )
  await changeRate(stage)
  await stage.sell(sales)

  const { restored, refused } = value.result
  const books = await stage.closeBooks()
  return { ...books, restored, refused: refused.length }
}

async function changeRate({ operator }: Stage): Promise<void> {
  await operator.operate('rate', 'room:launch', { perSecond: FASTER })
  await operator.sees('the new rate', ({ rooms: [room] }) => room?.stats?.ratePerSecond === FASTER)
}

async function save({ url, dir }: RedisServer): Promise<void> {
  const client = new Redis(url)
  await client.save()
  client.disconnect()
  await copyFile(join(dir, 'dump.rdb'), join(dir, 'older.rdb'))
}

async function rollBack(redis: RedisServer): Promise<void> {
  await redis.kill()
  await copyFile(join(redis.dir, 'older.rdb'), join(redis.dir, 'dump.rdb'))
  await redis.restart()
}
