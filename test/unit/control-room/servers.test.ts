import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { Servers } from '../../../src/control-room/servers.js'
import type { ServerFigures } from '../../../src/engine/servers.js'
import { virtualEngine } from '../../../src/testing.js'
import { figuresOfServer } from '../../support/control-room.js'

/** Servers of a test, by address: what they answer, or a promise of it. */
function stage(answers: Record<string, () => Promise<ServerFigures | undefined>>) {
  const { engine, advance } = virtualEngine()
  const asked: string[] = []
  const servers = () =>
    Object.entries(answers).map(([address, answer]) => ({
      address,
      figures: () => {
        asked.push(address)
        return answer()
      },
    }))
  const room = new Servers({ ...engine, servers })
  /** What is seen after every server has been asked. */
  const look = async () => {
    room.read()
    await turn()
    const view = room.read()!
    await turn()
    return view
  }
  return { answers, asked, look, advance }
}

test('an engine inside the process has no servers', () => {
  expect(new Servers(virtualEngine().engine).read()).toBeNull()
})

test('a server that hangs is asked once, and is away after five seconds', async () => {
  const { look, asked, advance, answers } = stage({
    good: async () => figuresOfServer({ clients: 3 }),
    hangs: () => new Promise(() => {}),
    mute: async () => undefined,
  })
  const states = async () => (await look()).servers.map(({ address, state }) => `${address} ${state}`)
  expect(await states()).toEqual(['good told', 'hangs asked', 'mute denied'])
  await advance(5_000)
  expect(await states()).toEqual(['good told', 'hangs away', 'mute denied'])
  expect(asked.filter((address) => address === 'hangs')).toHaveLength(1)
  answers.good = () => Promise.reject(new Error('away'))
  await advance(5_000)
  const [good] = (await look()).servers
  expect(good).toMatchObject({ state: 'away', figures: { clients: 3 } })
})

test('how busy a server is, in the last ten seconds; a restart begins afresh', async () => {
  let cpuSeconds = 100
  const { look, advance } = stage({ one: async () => figuresOfServer({ cpuSeconds }) })
  const busy = async () => (await look()).servers[0]!.busyShare
  expect(await busy()).toBeNull()
  for (let second = 0; second < 3; second++) {
    await advance(1_000)
    cpuSeconds += 0.4
    await busy()
  }
  expect(await busy()).toBeCloseTo(0.4)
  cpuSeconds = 0
  await advance(1_000)
  expect(await busy()).toBeNull()
})

test('a replica that was there is missed for an hour, also after a failover', async () => {
  const replicas = (replicaCount: number) => async () => figuresOfServer({ replicaCount })
  const { look, advance, answers } = stage({ a: replicas(1), b: replicas(1) })
  const missing = async () => (await look()).missingReplicas
  expect(await missing()).toBe(0)
  answers.c = replicas(0)
  delete answers.a
  expect(await missing()).toBe(1)
  answers.b = async () => undefined
  expect(await missing()).toBe(0)
  answers.b = replicas(1)
  await advance(3_600_000)
  expect(await missing()).toBe(1)
  await advance(1)
  expect(await missing()).toBe(0)
})

test('of many masters 64 are asked, and those that are gone are forgotten', async () => {
  const { look, answers } = stage({})
  for (let i = 0; i < 100; i++) answers[`m${i}`] = async () => figuresOfServer()
  const view = await look()
  expect([view.servers.length, view.count]).toEqual([64, 100])
  for (let i = 0; i < 64; i++) delete answers[`m${i}`]
  expect((await look()).servers.map(({ address }) => address)[0]).toBe('m64')
})
