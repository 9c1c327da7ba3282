import { describe, expect, onTestFinished, test } from 'vitest'
import { heartbeatEffects } from '../../../src/engine/effects.js'
import { CLAIM_MS } from '../../../src/engine/heartbeat.js'
import type { CommandMap, LogOffset, Port } from '../../../src/engine/port.js'
import { type Engine, FlashSale, type RecoveryProgress, StockholdError } from '../../../src/index.js'
import { MemoryEngine } from '../../../src/memory-engine/memory-engine.js'
import { SaleIndex } from '../../../src/memory-engine/removal/sale-index.js'
import { contextOf } from '../../../src/sale/flash-sale.js'
import { listRecoveries } from '../../../src/sale/recovery/recoveries.js'
import type { RecoveryEverywhere } from '../../../src/sale/results.js'
import type { EngineKind, RedisKind, TimedEngine } from '../../support/engines.js'
import { FakeLedger } from '../../support/fake-ledger.js'
import { pass, processesOn } from '../../support/heartbeat.js'
import { faultOf } from '../../support/secrets.js'
import { anyTime, onBothEngines } from '../../support/shop.js'
import { snapshot } from '../../support/snapshot.js'
import type { ClockedEngine } from '../../support/test-clock.js'
import { wrapped } from '../../support/wrapped-engine.js'

const order = (buyer: string, key = `k-${buyer}`) => ({ buyer, items: [{ sku: 'mango', quantity: 1 }], key })

/** What becomes of the calls of a process. With a promise they are sent when that is fulfilled. */
type Fate = 'answered' | 'reply lost' | 'never answered' | Promise<void>

/** A process with the sale open. What it asks of the engine fares as told. */
class Process {
  readonly engine: Engine
  readonly sale: FlashSale
  fateOf: (command: string) => Fate = () => 'answered'

  constructor({ engine }: ClockedEngine) {
    this.engine = {
      ...engine,
      heartbeat: this.#faulty(engine.heartbeat!),
      partition: (...place) => this.#faulty(engine.partition(...place)),
    }
    this.sale = new FlashSale('launch', { engine: this.engine })
    onTestFinished(() => this.sale.close())
  }

  /** From now on it is as good as dead. */
  die(): void {
    this.fateOf = () => 'never answered'
  }

  live(): void {
    this.fateOf = () => 'answered'
  }

  #faulty<M extends CommandMap<M>>(port: Port<M>): Port<M> {
    return {
      ...port,
      run: async (command, ops, call) => {
        const fate = this.fateOf(String(command))
        if (fate === 'never answered') return new Promise(() => {})
        if (typeof fate !== 'string') await fate
        const reply = await port.run(command, ops, call)
        if (fate === 'reply lost') throw new StockholdError('UNKNOWN_OUTCOME', 'the reply was lost')
        return reply
      },
    }
  }
}

/** A replay of two processes, of which one has answered. */
async function recoverUntilOneAnswers({ sale }: Process, world: ClockedEngine) {
  let answered = 0
  const onProgress = (told: RecoveryProgress) => {
    answered = told.answered.filter(({ counts }) => counts).length
  }
  const everywhere = { waitFor: 2, timeoutMs: 120_000, onProgress }
  const call = sale.recover({ from: 'replay', everywhere })
  while (answered === 0) await pass(world, 1)
  // As a member: awaiting the helper does not await the call.
  return { call }
}

async function lose(
  kind: EngineKind,
  timed: TimedEngine,
  what: 'launch' | 'heartbeat' | 'index',
): Promise<void> {
  if (kind.name === 'redis') {
    const client = (kind as RedisKind).client()
    const keys = await client.keys(`{${timed.prefix}:${what}*`)
    if (keys.length > 0) await client.del(...keys)
    return
  }
  const engine = timed.engine as MemoryEngine
  if (what === 'launch') engine.partitions.clear()
  else if (what === 'index') engine.index = new SaleIndex()
  else engine.heartbeats = new MemoryEngine(Date.now, () => 0).heartbeats
}

function latestOffsets(sale: FlashSale, count: number): (LogOffset | null)[] {
  const { partitions } = contextOf(sale).client
  return Array.from({ length: count }, (_, index) => partitions.session(index).history.lastSeen)
}

/**
 * Copies the sale; the function that it returns puts this copy in place of the present sale. In
 * memory the sale must be lost before it changes again.
 */
async function copyOf(kind: EngineKind, timed: TimedEngine): Promise<() => Promise<void>> {
  if (kind.name === 'memory') {
    const { partitions } = timed.engine as MemoryEngine
    const copies = [...partitions]
    return async () => {
      partitions.clear()
      for (const [name, state] of copies) partitions.set(name, state)
    }
  }
  return snapshot((kind as RedisKind).client(), `{${timed.prefix}:launch*`)
}

onBothEngines((_, kind) => {
  describe.each([1, 4])('over %i partitions', (partitions) => {
    /** Processes that have each sold to three buyers, and the loss of all of it if it `loses`. */
    async function stage(count: number, { stock = 50, loses = true } = {}) {
      const timed = await kind.make()
      const worlds = processesOn(timed, count)
      const world = worlds[0]!
      const processes = worlds.map((one) => new Process(one))
      const held: string[] = []
      for (const [i, { sale }] of processes.entries()) {
        await sale.create({ stock: { mango: stock }, partitions, holdMs: 3_600_000 })
        for (let j = 0; j < 3; j++) {
          const answer = await sale.reserve(order(`u-${i}-${j}`))
          if (answer.status !== 'reserved') expect.fail(answer.status)
          held.push(answer.reservation.id)
        }
      }
      await pass(world, 2)
      if (loses) await lose(kind, timed, 'launch')
      /** Lets time pass until the call has ended. */
      const during = async <T>(call: Promise<T>): Promise<T> => {
        let isOver = false
        const end = () => {
          isOver = true
        }
        call.then(end, end)
        for (let i = 0; i < 600 && !isOver; i++) await pass(world, 1)
        return call
      }
      const audited = async (sale = processes[0]!.sale) => {
        const { ok, skus } = await during(sale.audit())
        expect(ok).toBe(true)
        return skus.mango
      }
      const isFrozen = async () => {
        const code = await processes[0]!.sale.reserve(order('late')).then(
          ({ status }) => status,
          (error: StockholdError) => error.code,
        )
        return code === 'STATE_LOST' || code === 'ROLLBACK_DETECTED'
      }
      return { timed, world, processes, held, during, audited, isFrozen }
    }

    test('one call: every process replays what it knows, quiet as it is, and the last one resumes', async () => {
      const { processes, held, during, audited, isFrozen } = await stage(3)
      expect(await isFrozen()).toBe(true)
      const progress: RecoveryProgress[] = []
      const everywhere = {
        waitFor: 3,
        timeoutMs: 60_000,
        onProgress: (one: RecoveryProgress) => void progress.push(one),
      }
      const result = await during(processes[1]!.sale.recover({ from: 'replay', everywhere }))
      expect(result).toMatchObject({ restored: 9, refused: [], forgotten: 0 })
      const { answered, missing, lacking, resumed, joined } = result.processes
      expect({ missing, lacking, resumed, joined }).toEqual({
        missing: [],
        lacking: 0,
        resumed: true,
        joined: false,
      })
      expect(answered).toHaveLength(3)
      for (const one of answered)
        expect(one).toMatchObject({ pid: process.pid, counts: true, restored: 3, refused: 0, forgotten: 0 })
      expect(progress.at(-1)!.answered).toHaveLength(3)
      expect(await isFrozen()).toBe(false)
      for (const id of held) expect(await processes[0]!.sale.get(id)).toMatchObject({ state: 'held' })
      expect(await audited()).toMatchObject({ total: 50, available: 40, held: 10 })
    })

    test('an operator from outside asks, whose process does not count', async () => {
      const { timed, world, during, isFrozen } = await stage(2)
      const outside = new FlashSale('launch', { engine: world.clock.drive(timed.engine, true) })
      onTestFinished(() => outside.close())
      const result = await during(
        outside.recover({ from: 'replay', everywhere: { waitFor: 2, timeoutMs: 60_000 } }),
      )
      expect(result.restored).toBe(6)
      expect(result.processes.answered.filter(({ counts }) => counts)).toHaveLength(2)
      expect(result.processes).toMatchObject({ lacking: 0, resumed: true })
      expect(await isFrozen()).toBe(false)
    })

    test('with a ledger: the processes add to it what they know, and it has what a dead one knew', async () => {
      const { timed, world, processes, held, during, audited } = await stage(3)
      const dead = processes[2]!
      dead.die()
      const { client, acknowledged } = contextOf(dead.sale)
      const ledger = new FakeLedger()
      const rules = client.known!.created
      const incarnation = client.partitions.incarnation!
      ledger.record = { rules, incarnation, lastSeen: [], recoverySource: async () => acknowledged }
      const outside = new FlashSale('launch', { engine: world.clock.drive(timed.engine, true) })
      onTestFinished(() => outside.close())
      const everywhere = { waitFor: 2, timeoutMs: 60_000 }
      const result = await during(outside.recover({ from: ledger, everywhere }))
      expect(result.processes).toMatchObject({ lacking: 0, resumed: true })
      // The ledger has three, and the handle that has asked knows none by itself.
      expect(result.restored).toBe(9)
      for (const id of held) expect(await processes[0]!.sale.get(id)).toMatchObject({ state: 'held' })
      expect(await audited()).toMatchObject({ total: 50, available: 41, held: 9 })
    })

    test('a process that dies in the middle is named, and the sale stays frozen unless that was asked for', async () => {
      const { processes, during, audited, isFrozen } = await stage(3)
      processes[2]!.die()
      const everywhere = { waitFor: 3, timeoutMs: 20_000 }
      const first = await during(processes[0]!.sale.recover({ from: 'replay', everywhere }))
      expect(first.processes).toMatchObject({ lacking: 1, resumed: false })
      expect(first.processes.answered).toHaveLength(2)
      const waiting = { sale: 'launch', from: 'replay', waitFor: 3, lacking: 1, state: 'over' }
      expect(await listRecoveries(processes[0]!.engine)).toMatchObject([waiting])
      expect(first.processes.missing).toMatchObject([
        { pid: process.pid, isPresent: false, error: undefined },
      ])
      expect(await isFrozen()).toBe(true)
      const second = await during(processes[0]!.sale.recover({ from: 'replay', unfreeze: true, everywhere }))
      expect(second.processes).toMatchObject({ lacking: 1, resumed: true })
      const [listed, ...others] = await listRecoveries(processes[0]!.engine)
      expect(listed).toMatchObject({ state: 'resumed', missing: first.processes.missing })
      expect(others).toEqual([])
      expect(await isFrozen()).toBe(false)
      expect(await audited()).toMatchObject({ total: 50, available: 43, held: 7 })
    })

    test('a process that comes late replays nevertheless, and nothing is sold twice', async () => {
      const { processes, held, during, audited } = await stage(3, { stock: 10 })
      processes[2]!.die()
      const everywhere = { waitFor: 3, timeoutMs: 5_000 }
      await during(processes[0]!.sale.recover({ from: 'replay', unfreeze: true, everywhere }))
      const others = await during(
        Promise.all(['x', 'y'].map((buyer) => processes[0]!.sale.reserve(order(buyer)))),
      )
      expect(others.map(({ status }) => status)).toEqual(['reserved', 'reserved'])
      processes[2]!.live()
      const again = await during(
        processes[2]!.sale.recover({ from: 'replay', everywhere: { waitFor: 3, timeoutMs: 30_000 } }),
      )
      expect(again.refused.map(({ reason }) => reason)).toEqual(['sold_out'])
      const states = await during(Promise.all(held.map((id) => processes[0]!.sale.get(id))))
      expect(states.filter((one) => one?.state === 'held')).toHaveLength(8)
      expect(await audited()).toMatchObject({ total: 10, available: 0, held: 10 })
    })

    test('with unfreeze: false all replay, and the sale stays frozen until a call resumes it', async () => {
      const { processes, during, isFrozen } = await stage(2)
      const everywhere = { waitFor: 2, timeoutMs: 30_000 }
      const result = await during(processes[0]!.sale.recover({ from: 'replay', unfreeze: false, everywhere }))
      expect(result.processes).toMatchObject({ lacking: 0, resumed: false })
      expect(await listRecoveries(processes[0]!.engine)).toMatchObject([{ state: 'frozen' }])
      expect(await isFrozen()).toBe(true)
      await during(processes[1]!.sale.recover({ from: 'replay', everywhere }))
      expect(await isFrozen()).toBe(false)
    })

    test('two operators at once: the second waits for the recovery of the first', async () => {
      const { processes, during, audited } = await stage(3)
      const everywhere = { waitFor: 3, timeoutMs: 60_000 }
      const results = await during(
        Promise.all(processes.map(({ sale }) => sale.recover({ from: 'replay', everywhere }))),
      )
      expect(results.map(({ processes: { joined } }) => joined).sort()).toEqual([false, true, true])
      for (const { restored, processes: told } of results) {
        expect(told).toMatchObject({ lacking: 0, resumed: true })
        expect(restored).toBe(9)
      }
      expect(await audited()).toMatchObject({ available: 41, held: 9 })
    })

    test('another kind of recovery meanwhile is refused', async () => {
      const { processes, during, world } = await stage(2)
      const everywhere = { waitFor: 2, timeoutMs: 60_000 }
      processes[1]!.fateOf = (command) => (command === 'answer' ? 'never answered' : 'answered')
      const first = processes[0]!.sale.recover({
        from: 'replay',
        everywhere: { ...everywhere, timeoutMs: 10_000 },
      })
      await pass(world, 1)
      await faultOf(during(processes[1]!.sale.recover({ from: 'accept', everywhere })), 'INVALID_ARGUMENT')
      expect((await during(first)).processes.resumed).toBe(false)
    })

    test('Redis loses the request, and the sale once more: it is asked again, and all replay again', async () => {
      const { timed, world, processes, during, audited } = await stage(3)
      processes[2]!.fateOf = (command) => (command === 'beat' ? 'never answered' : 'answered')
      const call = processes[0]!.sale.recover({
        from: 'replay',
        everywhere: { waitFor: 2, timeoutMs: 120_000 },
      })
      processes[1]!.fateOf = (command) => (command === 'control' ? 'reply lost' : 'answered')
      await pass(world, 1)
      await lose(kind, timed, 'heartbeat')
      await lose(kind, timed, 'launch')
      processes[1]!.live()
      expect((await during(call)).processes).toMatchObject({ lacking: 0, resumed: true })
      expect(await audited()).toMatchObject({ available: 44, held: 6 })
    })

    test('replies are lost, every other one: each step is repeated, and nothing is made twice', async () => {
      const { processes, during, audited, isFrozen } = await stage(2)
      for (const one of processes) {
        const isLost = new Map<string, boolean>()
        one.fateOf = (command) => {
          if (!(command in heartbeatEffects)) return 'answered'
          isLost.set(command, !isLost.get(command))
          return isLost.get(command) ? 'reply lost' : 'answered'
        }
      }
      const everywhere = { waitFor: 2, timeoutMs: 300_000 }
      const result = await during(processes[0]!.sale.recover({ from: 'replay', everywhere }))
      expect(result.processes).toMatchObject({ lacking: 0, resumed: true })
      expect(await isFrozen()).toBe(false)
      expect(await audited()).toMatchObject({ total: 50, available: 43, held: 7 })
    })

    test('the process that should resume dies before it does: another one resumes', async () => {
      const { processes, during, isFrozen } = await stage(3)
      const asking = processes[0]!
      for (const one of processes.slice(1))
        one.fateOf = (command) => {
          if (command === 'answer')
            one.fateOf = (next) => (next === 'beat' || next === 'answer' ? 'answered' : 'never answered')
          return 'answered'
        }
      const everywhere = { waitFor: 3, timeoutMs: 60_000 }
      const result = await during(asking.sale.recover({ from: 'replay', everywhere }))
      expect(result.processes).toMatchObject({ lacking: 0, resumed: true })
      expect(await isFrozen()).toBe(false)
    })

    /** Holds the first process that resumes the sale, before it does. */
    function holdTheClaimant(processes: readonly Process[]) {
      let goOn = () => {}
      let claimant: Process | undefined
      const held = new Promise<void>((resolve) => {
        goOn = resolve
      })
      for (const one of processes)
        one.fateOf = (command) => {
          if (command === 'control') claimant ??= one
          return command === 'control' && claimant === one ? held : 'answered'
        }
      return { goOn: () => goOn(), isHolding: () => claimant !== undefined }
    }

    test('a process that has paused after its claim does not resume a sale that is lost again since', async () => {
      const { timed, world, processes, during, isFrozen } = await stage(3)
      const outside = new Process({ ...world, engine: world.clock.drive(timed.engine, true) })
      const { goOn } = holdTheClaimant(processes)
      const recover = (waitFor: number) =>
        during(outside.sale.recover({ from: 'replay', everywhere: { waitFor, timeoutMs: 30_000 } }))
      expect((await recover(3)).processes.resumed).toBe(true)
      for (const { sale } of processes) await sale.reserve(order('meanwhile'))
      await lose(kind, timed, 'launch')
      expect((await recover(4)).processes).toMatchObject({ lacking: 1, resumed: false })
      goOn()
      await pass(world, 2)
      expect(await isFrozen()).toBe(true)
      const { processes: told, refused } = await recover(3)
      expect(told.resumed).toBe(true)
      expect(refused).toEqual([])
    })

    /** A process has seen more than each partition knows. */
    async function freezeAll({ engine }: Process, sale: FlashSale): Promise<void> {
      const { incarnation } = contextOf(sale).client.partitions
      const lastSeen = { generation: 99, sequence: 1, batchId: 'x' }
      for (let i = 0; i < partitions; i++)
        await engine
          .partition('launch', i, partitions)
          .run('stats', [{}], { ...anyTime, incarnation, lastSeen })
    }

    /** Two nights of which the second process knows nothing. */
    async function recoverTwice(
      timed: TimedEngine,
      [knows, does]: readonly Process[],
      during: <T>(call: Promise<T>) => Promise<T>,
    ): Promise<void> {
      does!.die()
      for (let night = 0; night < 2; night++) {
        await lose(kind, timed, 'launch')
        await during(knows!.sale.recover({ from: 'replay' }))
        expect(await during(knows!.sale.reserve(order(`night-${night}`)))).toMatchObject({
          status: 'reserved',
        })
      }
    }

    /** The process that resumes the sale dies after it has, and none of the others can claim. */
    function loseTheClaimant(processes: readonly Process[]) {
      let dead: Process | undefined
      for (const one of processes)
        one.fateOf = (command) => {
          if (command === 'finish') dead ??= one
          return one === dead || (dead && command === 'claim') ? 'never answered' : 'answered'
        }
      return () => dead
    }

    test('an operator who has not recovered does not resume a sale that was resumed, and lost, since', async () => {
      const { timed, world, processes, during, isFrozen } = await stage(2)
      const outside = new Process({ ...world, engine: world.clock.drive(timed.engine, true) })
      const dead = loseTheClaimant(processes)
      const everywhere = { waitFor: 2, timeoutMs: 30_000 }
      const call = outside.sale.recover({ from: 'replay', everywhere })
      while (!dead()) await pass(world, 1)
      await freezeAll(outside, processes[0]!.sale)
      const result = await during(call)
      for (const one of processes) one.live()
      expect(await isFrozen()).toBe(true)
      // It was asked again, and the one that is dead has not answered.
      expect(result.processes).toMatchObject({ lacking: 1, resumed: false })
    })

    test('nor does a process that answers only afterwards', async () => {
      const { timed, world, processes, during, isFrozen } = await stage(2)
      const dead = loseTheClaimant(processes)
      const everywhere = { waitFor: 2, timeoutMs: 30_000 }
      void processes[0]!.sale.recover({ from: 'replay', everywhere }).catch(() => {})
      while (!dead()) await pass(world, 1)
      for (const one of processes) one.die()
      const late = new Process({ ...world, engine: world.clock.drive(timed.engine, true) })
      await freezeAll(late, processes[0]!.sale)
      await faultOf(during(late.sale.reserve(order('later'))), 'ROLLBACK_DETECTED')
      await pass(world, 5 + CLAIM_MS / 1_000)
      processes[0]!.live()
      expect(await isFrozen()).toBe(true)
    })

    test('what was recovered is lost before the sale is resumed: all replay again', async () => {
      const { timed, world, processes, held, during, audited } = await stage(3)
      const outside = new Process({ ...world, engine: world.clock.drive(timed.engine, true) })
      const { goOn, isHolding } = holdTheClaimant(processes)
      const everywhere = { waitFor: 3, timeoutMs: 60_000 }
      const call = outside.sale.recover({ from: 'replay', everywhere })
      while (!isHolding()) await pass(world, 1)
      await lose(kind, timed, 'launch')
      goOn()
      expect((await during(call)).processes).toMatchObject({ lacking: 0, resumed: true })
      for (const id of held) expect(await processes[0]!.sale.get(id)).toMatchObject({ state: 'held' })
      expect(await audited()).toMatchObject({ total: 50, available: 41, held: 9 })
    })

    test('what another process has recovered is lost before the last one answers: all replay again', async () => {
      const { timed, world, processes, held, during, audited } = await stage(2)
      const outside = new Process({ ...world, engine: world.clock.drive(timed.engine, true) })
      const last = processes[1]!
      last.fateOf = (command) => (command === 'beat' ? 'never answered' : 'answered')
      const { call } = await recoverUntilOneAnswers(outside, world)
      // The last one makes the sale again, in the same generation.
      await lose(kind, timed, 'launch')
      last.live()
      expect((await during(call)).processes).toMatchObject({ lacking: 0, resumed: true })
      for (const id of held) expect(await processes[0]!.sale.get(id)).toMatchObject({ state: 'held' })
      expect(await audited()).toMatchObject({ total: 50, available: 44, held: 6 })
    })

    if (kind.name === 'redis')
      test('a copy from before the freeze is loaded once more before the last one answers: all replay again', async () => {
        const { timed, world, processes, held, during, audited } = await stage(2, { loses: false })
        const [first, last] = processes as [Process, Process]
        const outside = new Process({ ...world, engine: world.clock.drive(timed.engine, true) })
        const load = await copyOf(kind, timed)
        for (let i = 0; i < 12; i++) {
          const answer = await first.sale.reserve(order(`late-${i}`))
          if (answer.status !== 'reserved') expect.fail(answer.status)
          held.push(answer.reservation.id)
        }
        await load()
        await faultOf(first.sale.stats(), 'ROLLBACK_DETECTED')
        last.fateOf = (command) => (command === 'beat' ? 'never answered' : 'answered')
        const { call } = await recoverUntilOneAnswers(outside, world)
        // Only the one that has put back what the copy lacks would see by itself that it is gone.
        await load()
        const decided = new Promise<void>((resolve) => {
          last.fateOf = (command) => {
            if (command === 'finish') resolve()
            return 'answered'
          }
        })
        first.fateOf = () => decided
        expect((await during(call)).processes).toMatchObject({ lacking: 0, resumed: true })
        for (const id of held) expect(await last.sale.get(id)).toMatchObject({ state: 'held' })
        expect(await audited()).toMatchObject({ total: 50, available: 32, held: 18 })
      })

    test.each([
      ['replay', 0],
      ['replay', 1],
      ['accept', 0],
      ['accept', 1],
    ] as const)(
      'Redis comes back older than an earlier recovery: after %s process %i, that has seen it, sells again',
      async (from, index) => {
        const { timed, world, processes, held, during, audited } = await stage(2, { loses: false })
        const [knows, does] = [processes[index]!, processes[1 - index]!]
        const outside = new Process({ ...world, engine: world.clock.drive(timed.engine, true) })
        const load = await copyOf(kind, timed)
        // Twice: the generations that the copy has forgotten are more than one.
        for (let night = 0; night < 2; night++) {
          await lose(kind, timed, 'launch')
          does.die()
          const everywhere = { waitFor: 1, timeoutMs: 60_000 }
          await during(knows.sale.recover({ from: 'replay', everywhere }))
          expect(await during(knows.sale.reserve(order(`night-${night}`)))).toMatchObject({
            status: 'reserved',
          })
        }
        await pass(world, 60)
        await load()
        does.live()
        const everywhere = { waitFor: 2, timeoutMs: 60_000 }
        const { processes: told } = await during(outside.sale.recover({ from, everywhere }))
        expect(told).toMatchObject({ lacking: 0, resumed: true })
        for (const { sale } of [knows, does, outside])
          expect(await during(sale.reserve(order('again')))).toMatchObject({ status: 'reserved' })
        for (const id of held) expect(await knows.sale.get(id)).toMatchObject({ state: 'held' })
        const sold = from === 'replay' ? 9 : 7
        expect(await audited()).toMatchObject({ total: 50, available: 50 - sold, held: sold })
      },
    )

    test.each(['replay', 'accept'] as const)(
      'Redis comes back older than two earlier recoveries: by hand, each process by %s, all sell again',
      async (from) => {
        const { timed, world, processes, during, audited } = await stage(2, { loses: false })
        const [knows, does] = processes as [Process, Process]
        const load = await copyOf(kind, timed)
        await recoverTwice(timed, processes, during)
        await pass(world, 60)
        await load()
        does.live()
        await during(knows.sale.recover({ from, unfreeze: false }))
        await during(does.sale.recover({ from }))
        for (const { sale } of [knows, does])
          expect(await during(sale.reserve(order('again')))).toMatchObject({ status: 'reserved' })
        const sold = from === 'replay' ? 9 : 7
        expect(await audited()).toMatchObject({ total: 50, available: 50 - sold, held: sold })
      },
    )

    test('Redis comes back older than two earlier recoveries, of which only the ledger knows', async () => {
      const { timed, world, processes, during, audited } = await stage(2, { loses: false })
      const [gone, does] = processes as [Process, Process]
      const load = await copyOf(kind, timed)
      await recoverTwice(timed, processes, during)
      const { client, acknowledged } = contextOf(gone.sale)
      const ledger = new FakeLedger()
      const lastSeen = latestOffsets(gone.sale, partitions)
      const { created: rules } = client.known!
      const incarnation = client.partitions.incarnation!
      ledger.record = { rules, incarnation, lastSeen, recoverySource: async () => acknowledged }
      gone.die()
      await pass(world, 60)
      await load()
      does.live()
      const outside = new Process({ ...world, engine: world.clock.drive(timed.engine, true) })
      // The others are faster than its own answer.
      outside.fateOf = (command) => (command === 'answer' ? 'never answered' : 'answered')
      const everywhere = { waitFor: 1, timeoutMs: 60_000 }
      const { processes: told } = await during(outside.sale.recover({ from: ledger, everywhere }))
      expect(told).toMatchObject({ lacking: 0, resumed: true })
      for (const { sale } of [outside, does])
        expect(await during(sale.reserve(order('again')))).toMatchObject({ status: 'reserved' })
      expect(await audited(does.sale)).toMatchObject({ total: 50, available: 41, held: 9 })
    })

    test('Redis comes back older than an earlier recovery, and one handle recovers', async () => {
      const { timed, processes, during, audited } = await stage(1, { loses: false })
      const { sale } = processes[0]!
      const load = await copyOf(kind, timed)
      await lose(kind, timed, 'launch')
      await during(sale.recover({ from: 'replay' }))
      await load()
      await faultOf(sale.stats(), 'ROLLBACK_DETECTED')
      await during(sale.recover({ from: 'replay' }))
      expect(await sale.reserve(order('again'))).toMatchObject({ status: 'reserved' })
      expect(await audited()).toMatchObject({ total: 50, available: 46, held: 4 })
    })

    test('the operator dies after the request: the processes finish it', async () => {
      const { timed, world, during, isFrozen } = await stage(2)
      const operator = new Process({ ...world, engine: world.clock.drive(timed.engine, true) })
      let asked = false
      operator.fateOf = (command) => {
        if (asked) return 'never answered'
        asked = command === 'request'
        return 'answered'
      }
      void operator.sale
        .recover({ from: 'replay', everywhere: { waitFor: 2, timeoutMs: 60_000 } })
        .catch(() => {})
      await pass(world, 5 + CLAIM_MS / 1_000)
      expect(await during(isFrozen())).toBe(false)
    })

    test('a process that opens the sale after the request answers, and does not count', async () => {
      const { timed, world, processes, during } = await stage(2)
      processes[1]!.die()
      const everywhere = { waitFor: 2, timeoutMs: 15_000 }
      const call = processes[0]!.sale.recover({ from: 'replay', everywhere })
      await pass(world, 2)
      const fresh = new Process({ ...world, engine: world.clock.drive(timed.engine, true) })
      await fresh.sale.rules().catch(() => {})
      const { answered, lacking, resumed } = (await during(call)).processes
      expect(answered.map(({ counts }) => counts).sort()).toEqual([false, true])
      expect({ lacking, resumed }).toEqual({ lacking: 1, resumed: false })
    })

    test('a process that looks at the sale and consumes its events answers, and does not count', async () => {
      const { timed, world, processes, held, during, isFrozen } = await stage(1)
      const looking = new Process({ ...world, engine: world.clock.drive(timed.engine, true) })
      await during(processes[0]!.sale.recover({ from: 'replay' }))
      await looking.sale.stats()
      await looking.sale.get(held[0]!)
      await looking.sale.reservationsOf('u-0-0')
      await looking.sale.restock({ sku: 'mango', quantity: 1, key: 'r' })
      await lose(kind, timed, 'launch')
      processes[0]!.die()
      const everywhere = { waitFor: 1, timeoutMs: 15_000 }
      const { processes: asked } = await during(looking.sale.recover({ from: 'replay', everywhere }))
      expect(asked.answered).toMatchObject([{ counts: false }])
      expect(asked).toMatchObject({ lacking: 1, resumed: false })
      processes[0]!.live()
      expect(await isFrozen()).toBe(true)
    })

    test.each(['paused', 'ended'] as const)(
      'a sale that a process has %s which is gone does not sell after a replay of the others',
      async (state) => {
        const { timed, world, processes, during } = await stage(2)
        await during(processes[0]!.sale.recover({ from: 'replay', unfreeze: false }))
        await during(processes[1]!.sale.recover({ from: 'replay' }))
        const outside = new FlashSale('launch', { engine: world.clock.drive(timed.engine, true) })
        await (state === 'paused' ? outside.pause() : outside.end())
        await outside.close()
        const told = await Promise.all(processes.map(({ sale }) => sale.reserve(order('late'))))
        expect(told).toMatchObject([{ status: state }, { status: state }])
        await lose(kind, timed, 'launch')
        const everywhere = { waitFor: 2, timeoutMs: 15_000 }
        const { processes: asked } = await during(processes[0]!.sale.recover({ from: 'replay', everywhere }))
        expect(asked).toMatchObject({ lacking: 0, resumed: true })
        // An end is final: only a process that has made it, or a ledger, says so.
        expect(await processes[1]!.sale.reserve(order('late'))).toEqual({ status: 'paused' })
        await processes[1]!.sale.resume()
        expect(await processes[1]!.sale.reserve(order('late'))).toMatchObject({ status: 'reserved' })
        await processes[1]!.sale.recover({ from: 'replay' })
        expect((await processes[1]!.sale.stats()).state).toBe('open')
      },
    )

    test('accept, everywhere: what Redis has lost is forgotten by every process', async () => {
      const { processes, during, audited } = await stage(2)
      const everywhere = { waitFor: 2, timeoutMs: 30_000 }
      const result = await during(processes[0]!.sale.recover({ from: 'accept', everywhere }))
      expect(result).toMatchObject({ restored: 0, processes: { lacking: 0, resumed: true } })
      expect(await audited()).toMatchObject({ available: 50, held: 0 })
      const replayed = await during(processes[1]!.sale.recover({ from: 'replay', everywhere }))
      expect(replayed.restored).toBe(0)
    })

    test('several handles of one process answer once, with what all of them know', async () => {
      const { processes, during } = await stage(1)
      const second = new FlashSale('launch', { engine: processes[0]!.engine })
      onTestFinished(() => second.close())
      const everywhere = { waitFor: 1, timeoutMs: 30_000 }
      await during(second.recover({ from: 'replay', everywhere }))
      await during(second.reserve(order('second')))
      const result = await during(second.recover({ from: 'replay', everywhere }))
      expect(result).toMatchObject({ restored: 4, processes: { resumed: true } })
      expect(result.processes.answered).toHaveLength(1)
    })

    /** A sale that was removed and created again, and processes that had sold the removed one. */
    async function createdAgain(by: 'its own handle' | 'another process') {
      const timed = await kind.make()
      const worlds = processesOn(timed, 2)
      const [first, second] = worlds.map((world) => new Process(world)) as [Process, Process]
      const rules = { stock: { mango: 50 }, partitions, holdMs: 3_600_000 }
      for (const { sale } of [first, second]) {
        await sale.create(rules)
        await sale.reserve(order('earlier', `k-${sale === first.sale}`))
      }
      const third = new FlashSale('launch', { engine: second.engine })
      onTestFinished(() => third.close())
      const removing = by === 'its own handle' ? first.sale : third
      await removing.end()
      expect(await removing.destroy({ force: true })).toStrictEqual({ status: 'destroyed' })
      const sale = new FlashSale('launch', { engine: first.engine })
      onTestFinished(() => sale.close())
      expect(await sale.create(rules)).toStrictEqual({ created: true })
      for (let i = 0; i < 3; i++) await sale.reserve(order(`u-${i}`))
      const recover = async (waitFor: number, timeoutMs: number) => {
        let result: RecoveryEverywhere | undefined
        const call = sale.recover({ from: 'replay', everywhere: { waitFor, timeoutMs } })
        call.then(
          (given) => {
            result = given
          },
          () => {},
        )
        for (let i = 0; i < 600 && !result; i++) await pass(worlds[0]!, 1)
        return call
      }
      return { timed, first, second, sale, recover }
    }

    test.each(['its own handle', 'another process'] as const)(
      'a process that also has a handle of a removed sale of this name, removed by %s, recovers',
      async (by) => {
        const { timed, sale, recover } = await createdAgain(by)
        await lose(kind, timed, 'launch')
        const result = await recover(1, 60_000)
        expect(result).toMatchObject({ restored: 3, processes: { lacking: 0, resumed: true, missing: [] } })
        expect(await sale.audit()).toMatchObject({ ok: true, skus: { mango: { total: 50, held: 3 } } })
      },
    )

    test('a process that has only sold a removed sale of this name answers, and does not count', async () => {
      const { timed, recover } = await createdAgain('another process')
      await lose(kind, timed, 'launch')
      const { answered, missing, lacking, resumed } = (await recover(2, 15_000)).processes
      expect(answered.map(({ counts }) => counts).sort()).toEqual([false, true])
      expect({ missing, lacking, resumed }).toEqual({ missing: [], lacking: 1, resumed: false })
    })

    test('a handle that has removed its sale recovers nothing, also if the index was lost', async () => {
      const { timed, first, second, sale, recover } = await createdAgain('its own handle')
      // It has not heard that the sale was removed, and nothing says so any more.
      second.die()
      await lose(kind, timed, 'launch')
      await lose(kind, timed, 'index')
      await faultOf(first.sale.recover({ from: 'replay' }), 'NOT_FOUND')
      expect(await recover(1, 60_000)).toMatchObject({ restored: 3, processes: { resumed: true } })
      expect(await sale.audit()).toMatchObject({ ok: true, skus: { mango: { total: 50, held: 3 } } })
    })

    test('an aborted call ends with the reason; the processes go on', async () => {
      const { processes, world, during, isFrozen } = await stage(2)
      const abort = new AbortController()
      const reason = new Error('the operator has gone')
      const everywhere = { waitFor: 2, timeoutMs: 30_000, onProgress: () => abort.abort(reason) }
      const call = processes[0]!.sale.recover({ from: 'replay', everywhere }, { signal: abort.signal })
      await expect(during(call)).rejects.toBe(reason)
      await pass(world, 5)
      expect(await isFrozen()).toBe(false)
    })
  })

  test.each([
    ['waitFor', { waitFor: 0, timeoutMs: 1 }],
    ['waitFor', { waitFor: 257, timeoutMs: 1 }],
    ['timeoutMs', { waitFor: 1, timeoutMs: 3_600_001 }],
    ['timeoutMs', { waitFor: 1 }],
    ['onProgress', { waitFor: 1, timeoutMs: 1, onProgress: 1 }],
    ['everywhere', true],
  ])('an invalid %s is INVALID_ARGUMENT', async (name, everywhere) => {
    const { engine } = await kind.make()
    const sale = new FlashSale('launch', { engine })
    onTestFinished(() => sale.close())
    const call = sale.recover({ from: 'replay', everywhere: everywhere as never })
    await expect(call).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining(name),
    })
  })

  test('without a heartbeat there is no recovery everywhere', async () => {
    const { engine } = await kind.make()
    const sale = new FlashSale('launch', { engine: wrapped(engine, {}) })
    onTestFinished(() => sale.close())
    const call = sale.recover({ from: 'replay', everywhere: { waitFor: 1, timeoutMs: 1 } })
    await faultOf(call, 'INVALID_ARGUMENT')
    expect(await listRecoveries(wrapped(engine, {}))).toEqual([])
  })
})
