import { expect } from 'vitest'
import type { Partition, StoredReservation } from '../../../src/engine/engine.js'
import type { Engine } from '../../../src/index.js'

/**
 * Every reservation there is, by the port itself: what an audit counts, but does not show. It must
 * agree with the events.
 */
export async function everything(engine: Engine, sale: string): Promise<StoredReservation[]> {
  const first = engine.partition(sale, 0, 1)
  await first.ready()
  const described = await first.run('describe', [{}], { incarnation: null, ...anyTime })
  if (described.outcome !== 'done') expect.fail(described.outcome)
  const { incarnation, rules } = described.answers[0]!
  const all: StoredReservation[] = []
  for (let index = 0; index < rules.partitions; index++)
    all.push(...(await everythingIn(engine.partition(sale, index, rules.partitions), incarnation)))
  return all
}

async function everythingIn(partition: Partition, incarnation: string): Promise<StoredReservation[]> {
  await partition.ready()
  const found = new Map<string, StoredReservation>()
  let cursor = '0'
  let sequence = 0
  do {
    const reply = await partition.run('scan', [{ cursor }], { incarnation, ...anyTime })
    if (reply.outcome !== 'done') expect.fail(reply.outcome)
    const page = reply.answers[0]!
    for (const reservation of page.reservations) found.set(reservation.id, reservation)
    ;({ cursor, sequence } = page)
  } while (cursor !== '0')
  expect(await statesByEvents(partition, incarnation, sequence)).toEqual(
    new Map([...found.values()].map(({ id, state }) => [id, state] as const).sort()),
  )
  return [...found.values()]
}

/**
 * What became of each reservation, as the events tell it: they are written with the change, or not
 * at all.
 */
async function statesByEvents(
  partition: Partition,
  incarnation: string,
  until: number,
): Promise<Map<string, string>> {
  const states = new Map<string, string>()
  for (let after = 0; after < until; ) {
    const reply = await partition.run('events', [{ after, reservations: false }], { incarnation, ...anyTime })
    if (reply.outcome !== 'done') expect.fail(reply.outcome)
    for (const event of reply.answers[0]!.events) {
      expect(event.sequence).toBe(++after)
      if (event.type === 'reserved') states.set(event.id, 'held')
      else if (ended.has(event.type) && 'id' in event) states.set(event.id, event.type)
    }
  }
  return new Map([...states].sort())
}

const ended: ReadonlySet<string> = new Set(['confirmed', 'released', 'expired', 'refunded'])

const anyTime = { deadline: Number.MAX_SAFE_INTEGER, minTime: 0 }
