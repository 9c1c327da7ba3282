import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { startWorker } from '../../../scripts/lib/workers.js'
import { FlashSale, StockholdError, type WaitingRoom } from '../../../src/index.js'
import { clockedRoom, passOf, roomOn, ticketsOf } from '../../support/clocked-room.js'
import { codeOf, SECRET } from '../../support/waiting-room.js'

function codeOfAny(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => 'fine',
    (error) => error.code,
  )
}

test('closed while polls are under way: each of them is answered or CLOSED, and no call follows', async () => {
  const { clock, spy, room } = await clockedRoom()
  const crowd = await ticketsOf(room, 50)
  const polls = crowd.map((ticket) =>
    room.poll(ticket).then(
      ({ status }) => status,
      (error) => error.code,
    ),
  )
  await Promise.resolve()
  await room.close()
  for (const outcome of await clock.during(Promise.all(polls)))
    expect(['waiting', 'admitted', 'CLOSED']).toContain(outcome)
  const calls = spy.count()
  await clock.advance(700)
  expect(spy.count()).toBe(calls)
  for (const call of [
    () => room.poll(crowd[0]!),
    () => room.join('x'),
    () => room.stats(),
    () => room.leave(crowd[0]!),
    () => room.create(),
  ])
    expect(await codeOf(call())).toBe('CLOSED')
  await room.close()
})

test('an engine that was closed: every call says so, and no rejection goes unheard', async () => {
  const unheard: unknown[] = []
  const listener = (reason: unknown) => void unheard.push(reason)
  process.on('unhandledRejection', listener)
  onTestFinished(() => void process.off('unhandledRejection', listener))
  const { clock, spy, room } = await clockedRoom()
  const crowd = await ticketsOf(room, 5)
  const polls = crowd.map((ticket) => codeOfAny(room.poll(ticket)))
  await spy.engine.close()
  for (const outcome of await clock.during(Promise.all(polls))) expect(['fine', 'CLOSED']).toContain(outcome)
  await clock.advance(300)
  expect(await clock.during(codeOf(room.poll(crowd[0]!)))).toBe('CLOSED')
  expect(await clock.during(codeOf(room.join('x')))).toBe('CLOSED')
  await clock.advance(300)
  expect(unheard).toEqual([])
})

test('more joins than may be open: OVERLOADED for those beyond, and a waiting visitor is told the position all the same', async () => {
  const { clock, spy, room } = await clockedRoom({ maxInFlight: 10, ratePerSecond: 0.001 })
  const crowd = await ticketsOf(room, 5)
  await room.poll(crowd[3]!)
  let release = () => {}
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  spy.before = (command) => (command === 'join' ? held : undefined)
  const joins = Array.from({ length: 30 }, (_, i) => codeOfAny(room.join(`v${i}`)))
  await clock.advance(300)
  const told = await clock.during(room.poll(crowd[3]!))
  // Asked of the engine, and not held: what counts against the bound are joins.
  expect(told).toMatchObject({ status: 'waiting', position: 4 })
  expect(told).toMatchObject({ pollAfterMs: expect.toSatisfy((ms) => ms <= 1_200) })
  release()
  const outcomes = await clock.during(Promise.all(joins))
  expect(outcomes.filter((outcome) => outcome === 'OVERLOADED').length).toBeGreaterThanOrEqual(20)
})

test('the pass is checked within the deadline of the reservation, however many calls it takes', async () => {
  const { clock, spy, room } = await clockedRoom({ sale: 'phones' })
  await new FlashSale('phones', { engine: spy.engine }).create({ stock: { a: 5 } })
  const pass = await passOf(clock, room, 'ann')
  // It has to learn the room first, which takes most of the time there is; then nothing comes any
  // more.
  spy.before = (command) => clock.sleep(command === 'describe' ? 500 : 5_000)
  const reserve = async (ofSale: number, ofRoom: number) => {
    const elsewhere = roomOn(spy, { sale: 'phones', deadlineMs: ofRoom })
    const sale = new FlashSale('phones', { engine: spy.engine, deadlineMs: ofSale, waitingRoom: elsewhere })
    const items = [{ sku: 'a', quantity: 1 }]
    return codeOfAny(sale.reserve({ buyer: 'ann', items, pass }))
  }
  const from = clock.now()
  const outcomes = await clock.during(
    Promise.all([reserve(600, 600), reserve(600, 5_000), reserve(5_000, 600)]),
  )
  expect(outcomes).toEqual(['UNAVAILABLE', 'UNAVAILABLE', 'UNAVAILABLE'])
  expect(clock.now() - from).toBeLessThanOrEqual(605)
})

test('a process in which a room was used ends by itself, and not before its polls are answered', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'stockhold-room-'))
  onTestFinished(() => rm(dir, { recursive: true }))
  const src = fileURLToPath(new URL('../../../src/index.ts', import.meta.url))
  const file = join(dir, 'use.ts')
  await writeFile(
    file,
    `import { FlashSale, memoryEngine, WaitingRoom } from ${JSON.stringify(src)}
    const engine = memoryEngine()
    const patient = { engine, deadlineMs: 60_000 }
    const sale = new FlashSale('phones', patient)
    await sale.create({ stock: { a: 5 } })
    const secret = ${JSON.stringify(SECRET)}
    const room = new WaitingRoom('r', { ...patient, secret, ratePerSecond: 1, burst: 1, sale })
    await room.create()
    const { ticket } = await room.join('ann')
    let pass
    while (!pass) pass = (await room.poll(ticket)).pass
    room.verify(pass, { buyer: 'ann' })
    const joined = await room.join('bob')
    let polls = 0
    const end = performance.now() + 400
    do {
      await room.poll(joined.ticket)
      polls++
    } while (performance.now() < end)
    for await (const update of room.updates(joined.ticket)) if (update.status === 'waiting') break
    console.log(JSON.stringify({ polls }))`,
  )
  const worker = startWorker<{ polls: number }>(file, {})
  onTestFinished(() => worker.kill())
  const [report] = await worker.all()
  expect(report!.polls).toBeGreaterThan(0)
})

function codeOfVerify(room: WaitingRoom, pass: string): string {
  try {
    room.verify(pass, { buyer: 'ann' })
    return 'fine'
  } catch (error) {
    return (error as StockholdError).code
  }
}

test('verify says nothing of a pass before the room was read; ready() waits for that', async () => {
  const { clock, spy, room } = await clockedRoom()
  const pass = await passOf(clock, room, 'ann')
  const [fresh, other] = [roomOn(spy), roomOn(spy)]
  await room.revoke('ann')
  expect(() => fresh.verify(pass, { buyer: 'ann' })).toThrow(expect.objectContaining({ code: 'UNAVAILABLE' }))
  await fresh.ready()
  expect(() => fresh.verify(pass, { buyer: 'ann' })).toThrow(
    expect.objectContaining({ code: 'PASS_INVALID' }),
  )
  // Who does not wait for it is told by and by: the first try begins to look around.
  expect(codeOfVerify(other, pass)).toBe('UNAVAILABLE')
  await clock.until(() => codeOfVerify(other, pass) === 'PASS_INVALID')
  const calls = spy.count()
  await fresh.ready()
  expect(spy.count()).toBe(calls)
})

test('a visitor in the queue whose position cannot be read gets UNKNOWN_OUTCOME: joining again answers it', async () => {
  const { clock, spy, room } = await clockedRoom()
  const fresh = roomOn(spy)
  spy.before = (command) => {
    if (command === 'tend') throw new StockholdError('UNAVAILABLE', 'away')
  }
  expect(await codeOf(fresh.join('ann'))).toBe('UNKNOWN_OUTCOME')
  spy.before = undefined
  expect(await room.stats()).toMatchObject({ waiting: 1 })
  await clock.advance(1_000)
  expect(await clock.during(fresh.join('ann'))).toMatchObject({ position: 1 })
})
