import type { Redis } from 'ioredis'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { type RedisServer, startRedis } from '../../scripts/lib/servers/redis/server.js'
import type { Rules } from '../../src/engine/engine.js'
import type {
  GroupAnswer,
  GroupCommand,
  GroupOp,
  GroupPort,
  ParkedEvent,
  Trim,
} from '../../src/engine/groups.js'
import type { Call } from '../../src/engine/port.js'
import { makeId } from '../../src/engine/reservation-id.js'
import { groupKeys } from '../../src/redis-engine/keys.js'
import { redisEngineWith } from '../../src/redis-engine/redis-engine.js'
import { connectTo } from '../support/client.js'
import { contentsOf } from '../support/contents.js'
import { REDIS_CLOCK } from '../support/redis-clock.js'

/**
 * What the groups of a partition survive when Redis is full, refuses, has forgotten, or is asked
 * twice.
 */

const START = 1_800_000_000_000
const RULES: Rules = {
  skus: [{ sku: 'a', stock: 1_000_000, limit: null }],
  holdMs: 1_000,
  maxHoldMs: 1_000,
  opensAt: null,
  closesAt: null,
  partitions: 1,
}
const ANY_TIME: Omit<Call, 'incarnation'> = { deadline: Number.MAX_SAFE_INTEGER, minTime: 0 }
const ALL: Trim = { olderThanMs: 1_000, maxEvents: 1_000_000 }

let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
  return () => server.stop()
})

let stages = 0

/**
 * A sale with a clock of its own, whose groups are asked by a client that may be less than
 * almighty.
 */
class Stage {
  readonly port: GroupPort
  readonly token = 'token'
  readonly keys: readonly string[]
  readonly #engine
  #restocks = 0

  private constructor(
    readonly admin: Redis,
    readonly client: Redis,
    readonly clock: string,
  ) {
    this.#engine = redisEngineWith({ lua: REDIS_CLOCK, elapsed: () => 0 }, client, { prefix: clock })
    this.port = this.#engine.groups('sale', 0, 1)
    this.keys = groupKeys(clock, 'sale', 0, 1)
  }

  /** @param without The rights that the user lacks once the sale is made. */
  static async open(
    on = server,
    as?: { username: string; password: string },
    without: readonly string[] = [],
  ): Promise<Stage> {
    const admin = connectTo(on)
    if (without.length > 0)
      await admin.call('ACL', 'SETUSER', as!.username, 'on', `>${as!.password}`, '~*', '+@all')
    const stage = new Stage(admin, as ? connectTo(on, as) : admin, `groups-clock-${++stages}`)
    await stage.at(START)
    await stage.make()
    if (without.length > 0) await admin.call('ACL', 'SETUSER', as!.username, ...without)
    return stage
  }

  async at(ms: number): Promise<void> {
    await this.admin.set(this.clock, ms)
  }

  /** Makes the sale, or, of a lost one, whatever is left of it anew. */
  async make(command: 'create' | 'rebuild' = 'create'): Promise<void> {
    const op = { rules: RULES, incarnation: this.token, complete: true, generation: 2 }
    const partition = this.#engine.partition('sale', 0, 1)
    const reply = await partition.run(command, [op], { ...ANY_TIME, incarnation: null })
    expect(reply).toMatchObject({ outcome: 'done' })
    if (command === 'create') return
    await partition.run(
      'control',
      [{ action: 'unfreeze', recovered: [{ generation: 2, sequence: 0, batchId: '' }], after: 0 }],
      {
        ...ANY_TIME,
        incarnation: this.token,
        bypassFreeze: true,
      },
    )
  }

  /** So many entries of one event each. */
  async happen(count: number): Promise<void> {
    const partition = this.#engine.partition('sale', 0, 1)
    for (let i = 0; i < count; i++) {
      const op = { sku: 0, quantity: 1, key: `restock ${++this.#restocks}`, final: true }
      const call = { ...ANY_TIME, incarnation: this.token, batchId: 'mark' }
      expect(await partition.run('restock', [op], call)).toMatchObject({ outcome: 'done' })
    }
  }

  run<C extends GroupCommand>(command: C, ops: readonly GroupOp<C>[], call: Partial<Call> = {}) {
    return this.port.run(command, ops, { ...ANY_TIME, incarnation: this.token, ...call })
  }

  /** Runs a batch that must be carried out. */
  async done<C extends GroupCommand>(
    command: C,
    ops: readonly GroupOp<C>[],
  ): Promise<readonly GroupAnswer<C>[]> {
    const reply = await this.run(command, ops)
    if (reply.outcome !== 'done') expect.fail(reply.outcome)
    expect(reply.answers).toHaveLength(ops.length)
    return reply.answers
  }

  async ask<C extends GroupCommand>(command: C, op: GroupOp<C>): Promise<GroupAnswer<C>> {
    return (await this.done(command, [op]))[0]!
  }

  claim(consumer = 'one', group = 'g') {
    return this.ask('claim', { group, consumer, leaseMs: 30_000, start: 'beginning' })
  }

  acknowledge(rest: Partial<GroupOp<'acknowledge'>> = {}) {
    return this.ask('acknowledge', acknowledgement(rest))
  }

  /** All that is kept here, byte by byte. */
  async dump(): Promise<unknown> {
    return Promise.all(this.keys.map((key) => this.admin.callBuffer(...contentsOf(key))))
  }
}

function acknowledgement(rest: Partial<GroupOp<'acknowledge'>> = {}): GroupOp<'acknowledge'> {
  const usual = { group: 'g', consumer: 'one', epoch: 1, leaseMs: 30_000, position: 0 }
  return { ...usual, park: [], unpark: [], trim: null, ...rest }
}

function parked(sequence: number, rest: Partial<ParkedEvent> = {}): ParkedEvent {
  const id = makeId(0, 'bucket--', 'nonce---')
  const event = { sequence, at: START, type: 'reserved', id, expiresAt: START + 1_000 } as const
  return { event, attempts: 3, retryAt: START + 5_000, error: 'Error: no', ...rest }
}

const dead = (sequence: number) => parked(sequence, { retryAt: null })

describe('a request that is carried out twice', () => {
  /** What the second copy leaves behind must be what the first did. */
  async function twice<C extends GroupCommand>(stage: Stage, command: C, op: GroupOp<C>) {
    const first = await stage.ask(command, op)
    const before = await stage.dump()
    const second = await stage.ask(command, op)
    expect(await stage.dump()).toEqual(before)
    return [first, second]
  }

  test('claim: the same lease, with the same epoch', async () => {
    const stage = await Stage.open()
    const op = { group: 'g', consumer: 'one', leaseMs: 30_000, start: 'now' } as const
    const [first, second] = await twice(stage, 'claim', op)
    expect(second).toEqual(first)
  })

  test('acknowledge: what was parked is parked once, and trimmed is trimmed', async () => {
    const stage = await Stage.open()
    await stage.happen(5)
    await stage.claim()
    await stage.at(START + 10_000)
    const op = acknowledgement({ position: 4, park: [parked(2), dead(3)], unpark: [1], trim: ALL })
    const [first, second] = await twice(stage, 'acknowledge', op)
    expect(first).toEqual({ status: 'acknowledged', until: START + 40_000, first: 5 })
    expect(second).toEqual(first)
    expect(await stage.ask('groups', {})).toMatchObject({ groups: [{ position: 4, parked: 1, dead: 1 }] })
  })

  test('acknowledge that comes again behind the next claim: fenced', async () => {
    const stage = await Stage.open()
    await stage.happen(5)
    await stage.claim('one')
    await stage.acknowledge({ leaseMs: 0, park: [parked(1)] })
    expect(await stage.claim('two')).toMatchObject({ epoch: 2, parked: [parked(1)] })
    const before = await stage.dump()
    expect(await stage.acknowledge({ leaseMs: 0, unpark: [1], position: 5 })).toEqual({ status: 'fenced' })
    expect(await stage.dump()).toEqual(before)
  })

  test('checkpoint', async () => {
    const stage = await Stage.open()
    await stage.happen(3)
    const [first, second] = await twice(stage, 'checkpoint', { group: 'g', position: 2, trim: ALL })
    expect(first).toEqual({ status: 'checkpointed', first: 1 })
    expect(second).toEqual(first)
  })

  test.each(['retry', 'discard'] as const)('revive, %s: there is nothing left to revive', async (action) => {
    const stage = await Stage.open()
    await stage.happen(3)
    await stage.claim()
    await stage.acknowledge({ park: [dead(1), dead(2), parked(3)] })
    const op = { group: 'g', sequences: [2, 1, 2, 3], action }
    const answers = await twice(stage, 'revive', op)
    expect(answers).toEqual([
      { status: 'revived', count: 2 },
      { status: 'revived', count: 0 },
    ])
    const revived = [1, 2].map((sequence) => parked(sequence, { attempts: 0, retryAt: START }))
    const left = action === 'retry' ? [...revived, parked(3)] : [parked(3)]
    expect(await stage.claim()).toMatchObject({ parked: left })
  })

  test('drop: it is gone, and the consumer that had its lease has lost it', async () => {
    const stage = await Stage.open()
    await stage.happen(3)
    await stage.claim()
    await stage.acknowledge({ park: [dead(1), parked(2)] })
    expect(await twice(stage, 'drop', { group: 'g' })).toEqual([{ status: 'dropped' }, { status: 'gone' }])
    expect(await stage.acknowledge({ position: 3 })).toEqual({ status: 'gone' })
    expect(await stage.claim('two')).toMatchObject({ epoch: 1, position: 0, parked: [] })
    expect(await stage.acknowledge({ position: 3 })).toEqual({ status: 'fenced' })
  })
})

describe('what is missing or something else', () => {
  test('no sale: missing', async () => {
    const stage = await Stage.open()
    await stage.admin.del(...stage.keys)
    expect(await stage.run('groups', [{}])).toEqual({ outcome: 'missing', now: START })
  })

  const ops: { [C in GroupCommand]: GroupOp<C> } = {
    claim: { group: 'g', consumer: 'one', leaseMs: 1, start: 'now' },
    acknowledge: acknowledgement({ position: 3, park: [parked(3)], unpark: [1], trim: ALL }),
    checkpoint: { group: 'g', position: 3, trim: ALL },
    groups: {},
    dead: { group: 'g', after: 0 },
    revive: { group: 'g', sequences: [2], action: 'retry' },
    drop: { group: 'g' },
  }
  const commands = Object.keys(ops) as GroupCommand[]

  /** A stage that uses all its keys. */
  async function wornIn(): Promise<Stage> {
    const stage = await Stage.open()
    await stage.happen(3)
    await stage.admin.zadd(stage.keys[2]!, START + 500_000, '1/500000')
    await stage.claim()
    await stage.acknowledge({ position: 3, park: [parked(1), dead(2)] })
    await stage.at(START + 20_000)
    return stage
  }

  async function isLost(stage: Stage): Promise<void> {
    const before = await stage.dump()
    for (const command of commands) {
      expect(await stage.run(command, [ops[command]] as never)).toMatchObject({ outcome: 'lost' })
    }
    expect(await stage.dump()).toEqual(before)
  }

  test.each([0, 1, 2, 3, 4])('key %i holds something else: lost, and nothing is written', async (index) => {
    const stage = await wornIn()
    for (const value of ['set', 'list'] as const) {
      await stage.admin.del(stage.keys[index]!)
      if (value === 'set') await stage.admin.set(stage.keys[index]!, 'something else')
      else await stage.admin.rpush(stage.keys[index]!, 'something else')
      await isLost(stage)
    }
  })

  test.each([0, 1, 3, 4])('key %i is gone: lost, and nothing is written', async (index) => {
    const stage = await wornIn()
    await stage.admin.del(stage.keys[index]!)
    await isLost(stage)
  })

  test('one parked event is gone: lost', async () => {
    const stage = await wornIn()
    await stage.admin.zpopmin(stage.keys[4]!)
    await isLost(stage)
  })

  test('the head of the groups is gone: lost', async () => {
    const stage = await Stage.open()
    await stage.claim()
    await stage.admin.hdel(stage.keys[3]!, 'head')
    await isLost(stage)
  })

  test('the sale is another: lost', async () => {
    const stage = await wornIn()
    const reply = await stage.run('claim', [ops.claim], { incarnation: 'another' })
    expect(reply).toMatchObject({ outcome: 'lost' })
  })

  test('a sale that was rebuilt under its token has no groups, whatever is left of them', async () => {
    const stage = await wornIn()
    await stage.admin.del(...stage.keys.slice(0, 3))
    await stage.make('rebuild')
    await stage.happen(2)
    expect(await stage.ask('groups', {})).toMatchObject({ groups: [] })
    expect(await stage.ask('dead', ops.dead)).toEqual({ status: 'dead', events: [] })
    expect(await stage.ask('acknowledge', ops.acknowledge)).toEqual({ status: 'gone' })
    expect(await stage.ask('drop', ops.drop)).toEqual({ status: 'gone' })
    expect(await stage.ask('revive', ops.revive)).toEqual({ status: 'revived', count: 0 })
    expect(await stage.claim('two', 'another')).toMatchObject({ epoch: 1, position: 0, parked: [] })
    expect(await stage.ask('groups', {})).toMatchObject({ groups: [{ group: 'another' }] })
    expect(await stage.admin.exists(stage.keys[4]!)).toBe(0)
  })

  test('SCRIPT FLUSH between any two calls: no call fails', async () => {
    const stage = await wornIn()
    for (const command of commands) {
      await stage.admin.script('FLUSH')
      expect(await stage.run(command, [ops[command]] as never)).toMatchObject({ outcome: 'done' })
    }
  })
})

describe('a right that is missing', () => {
  const acknowledge = acknowledgement({ position: 3, park: [parked(3), parked(2)], trim: ALL })
  const claim = { group: 'g', consumer: 'one', leaseMs: 1, start: 'now' }
  test.each([
    ['hset', 'acknowledge', acknowledge, 'kept'],
    ['hdel', 'acknowledge', acknowledge, 'kept'],
    ['zadd', 'acknowledge', acknowledge, 'kept'],
    ['zrem', 'acknowledge', acknowledge, 'kept'],
    ['zremrangebylex', 'acknowledge', acknowledge, 'kept'],
    ['zremrangebylex', 'acknowledge', acknowledgement({ unpark: [2] }), 'kept'],
    ['xtrim', 'acknowledge', acknowledge, 'kept'],
    ['xtrim', 'checkpoint', { group: 'g', position: 3, trim: ALL }, 'kept'],
    ['hset', 'claim', claim, 'kept'],
    ['hset', 'claim', claim, 'rebuilt'],
    ['hdel', 'claim', claim, 'rebuilt'],
    ['unlink', 'claim', claim, 'rebuilt'],
    ['unlink', 'checkpoint', { group: 'g', position: 0, trim: null }, 'rebuilt'],
    ['hdel', 'drop', { group: 'g' }, 'kept'],
    ['zremrangebylex', 'drop', { group: 'g' }, 'kept'],
    ['zadd', 'revive', { group: 'g', sequences: [2], action: 'retry' }, 'kept'],
  ] as const)('%s, for %s: UNAVAILABLE, and nothing is half done', async (right, command, op, sale) => {
    const user = { username: `without-${right}-${command}-${sale}`, password: 'secret' }
    await connectTo(server).call('ACL', 'SETUSER', user.username, 'on', '>secret', '~*', '+@all')
    const stage = await Stage.open(server, user)
    const almighty = stage.admin
    await stage.happen(3)
    await stage.claim()
    await stage.acknowledge({ park: [dead(2)] })
    await stage.at(START + 20_000)
    if (sale === 'rebuilt') {
      await almighty.del(...stage.keys.slice(0, 3))
      await stage.make('rebuild')
    }
    await almighty.call('ACL', 'SETUSER', user.username, `-${right}`)
    const before = await stage.dump()
    await expect(stage.run(command, [op] as never)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    expect(await stage.dump()).toEqual(before)
    await almighty.call('ACL', 'SETUSER', user.username, '+@all')
    expect(await stage.run(command, [op] as never)).toMatchObject({ outcome: 'done' })
  })

  test('zremrangebylex, for an event that is parked twice in one call: nothing is half done', async () => {
    const user = { username: 'parks-twice', password: 'secret' }
    const stage = await Stage.open(server, user, ['-zremrangebylex'])
    await stage.claim()
    const before = await stage.dump()
    const twice = acknowledgement({ park: [parked(3), parked(3, { attempts: 4 })] })
    await expect(stage.run('acknowledge', [twice])).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    expect(await stage.dump()).toEqual(before)
  })

  test('a user that neither trims nor parks needs no right to, nor to remove what is not there', async () => {
    const user = { username: 'no-trim', password: 'secret' }
    const without = ['-xtrim', '-zadd', '-zrem', '-zremrangebylex', '-unlink']
    const stage = await Stage.open(server, user, without)
    await stage.claim()
    expect(await stage.acknowledge()).toMatchObject({ status: 'acknowledged' })
    const op = { group: 'ledger', position: 0, trim: null }
    expect(await stage.ask('checkpoint', op)).toMatchObject({ status: 'checkpointed' })
  })

  test.each([
    ['parks', '-xtrim', { park: [parked(3)] }],
    ['unparks', '-xtrim', { unpark: [3] }],
    ['trims', '-zadd', { trim: ALL }],
  ] as const)('a user that only %s needs no further right', async (what, without, rest) => {
    const stage = await Stage.open(server, { username: `only-${what}`, password: 'secret' }, [without])
    await stage.happen(3)
    await stage.claim()
    expect(await stage.acknowledge({ position: 3, ...rest })).toMatchObject({ status: 'acknowledged' })
  })
})

test('a full Redis: leases, acknowledging, parking and trimming go on, and trimming gives memory back', async () => {
  const small = await startRedis({ config: { 'maxmemory-policy': 'noeviction' } })
  onTestFinished(() => small.stop())
  const stage = await Stage.open(small)
  await stage.happen(400)
  await stage.claim()
  await stage.at(START + 20_000)
  await stage.admin.config('SET', 'maxmemory', '1')
  await expect(stage.admin.set('x', 'y')).rejects.toThrow(/OOM/)
  expect(await stage.claim('other', 'new')).toMatchObject({ status: 'claimed' })
  const op = { position: 200, park: [parked(1), dead(2)], trim: { ...ALL, maxEvents: 100 } }
  expect(await stage.acknowledge(op)).toMatchObject({ status: 'acknowledged', first: 101 })
  expect(await stage.ask('checkpoint', { group: 'new', position: 400, trim: ALL })).toMatchObject({
    first: 201,
  })
  expect(await stage.ask('revive', { group: 'g', sequences: [2], action: 'retry' })).toMatchObject({
    count: 1,
  })
  expect(await stage.ask('groups', {})).toMatchObject({ groups: [{ parked: 2, dead: 0 }, {}], first: 201 })
  expect(await stage.ask('drop', { group: 'g' })).toEqual({ status: 'dropped' })
})

describe('trimming', () => {
  test('goes as far as it may, however many entries there are beyond', async () => {
    const stage = await Stage.open()
    await stage.happen(90)
    await stage.at(START + 20_000)
    for (const position of [0, 1, 2, 17, 18, 50, 50]) {
      const answer = await stage.ask('checkpoint', { group: 'g', position, trim: ALL })
      expect(answer).toEqual({ status: 'checkpointed', first: position + 1 })
      expect(await stage.admin.xlen(stage.keys[1]!)).toBe(90 - position)
    }
  })

  test('waits for holds that expire this very millisecond', async () => {
    const stage = await Stage.open()
    await stage.happen(3)
    await stage.at(START + 20_000)
    const checkpoint = { group: 'g', position: 3, trim: ALL } as const
    await stage.admin.zadd(stage.keys[2]!, START + 20_000, '1/20000')
    expect(await stage.ask('checkpoint', checkpoint)).toMatchObject({ first: 1 })
    await stage.admin.zadd(stage.keys[2]!, START + 20_001, '1/20000')
    expect(await stage.ask('checkpoint', checkpoint)).toMatchObject({ first: 3 })
  })

  test('too late: what would trim is asked again, and nothing goes; what would change nothing is answered', async () => {
    const stage = await Stage.open()
    await stage.happen(30)
    await stage.at(START + 20_000)
    await stage.ask('checkpoint', { group: 'g', position: 30, trim: null })
    const before = await stage.dump()
    const ops = [
      { group: 'g', position: 30, trim: ALL },
      { group: 'g', position: 99, trim: { ...ALL, olderThanMs: 30_000 } },
    ]
    const answers = [{ status: 'retry' }, { status: 'checkpointed', first: 1 }]
    expect(await stage.run('checkpoint', ops, { deadline: START })).toMatchObject({ answers })
    expect(await stage.dump()).toEqual(before)
  })
})

describe('much at once', () => {
  const range = Array.from({ length: 256 }, (_, i) => i)

  test.each([
    ['as many groups', (i: number) => `group ${i}`],
    ['one group', () => 'one'],
  ] as const)('256 items of every command, of %s, are answered as one after another', async (_, name) => {
    const stage = await Stage.open()
    await stage.happen(300)
    const isOne = name(0) === name(1)
    const claims = range.map(
      (i) => ({ group: name(i), consumer: 'c', leaseMs: 100, start: 'beginning' }) as const,
    )
    const place = { epoch: 1, position: 0, until: START + 100 }
    expect(await stage.done('claim', claims)).toEqual(
      range.map(() => ({ status: 'claimed', ...place, parked: [] })),
    )
    // In one group each unparks what the one before the last gave up, and parks anew what the last
    // one did.
    const acknowledgements = range.map((i) => {
      const rest = { position: i, park: [parked(i + 1), dead(i + 2)], unpark: [i] }
      return acknowledgement({ group: name(i), consumer: 'c', ...rest })
    })
    expect(await stage.done('acknowledge', acknowledgements)).toEqual(
      range.map(() => ({ status: 'acknowledged', until: START + 30_000, first: 1 })),
    )
    const pages = range.map((i) => ({ group: name(i), after: 0 }))
    expect(await stage.done('dead', pages)).toEqual(
      range.map((i) => ({ status: 'dead', events: [dead(isOne ? 257 : i + 2)] })),
    )
    const revivals = range.map((i) => ({ group: name(i), sequences: [i + 2], action: 'discard' as const }))
    expect(await stage.done('revive', revivals)).toEqual(
      range.map((i) => ({ status: 'revived', count: isOne && i < 255 ? 0 : 1 })),
    )
    const drops = range.map((i) => ({ group: name(i) }))
    expect(await stage.done('drop', drops)).toEqual(
      range.map((i) => ({ status: isOne && i > 0 ? 'gone' : 'dropped' })),
    )
    expect(await stage.ask('groups', {})).toMatchObject({ groups: [] })
    expect(await stage.admin.exists(stage.keys[4]!)).toBe(0)
  })

  test('a batch in which each item trims, each its hundred', async () => {
    const stage = await Stage.open()
    await stage.happen(333)
    await stage.at(START + 20_000)
    const op = { group: 'g', position: 400, trim: ALL }
    const answers = await stage.done('checkpoint', [op, op, op, op, op])
    expect(answers).toMatchObject([101, 201, 301, 333, 333].map((first) => ({ first })))
    expect(await stage.admin.xlen(stage.keys[1]!)).toBe(1)
  })

  test('20,000 parked and as many dead events of one group, beside another of the same sequences', async () => {
    const stage = await Stage.open()
    await stage.happen(1)
    await stage.claim()
    await stage.claim('one', 'g2')
    await stage.acknowledge({ group: 'g2', park: [parked(1), dead(20_001)] })
    const sequences = Array.from({ length: 20_000 }, (_, i) => i + 1)
    await stage.acknowledge({ park: sequences.toReversed().map((sequence) => parked(sequence)) })
    await stage.acknowledge({ park: sequences.map((sequence) => dead(sequence + 20_000)) })
    const claimed = await stage.claim()
    if (claimed.status !== 'claimed') expect.fail(claimed.status)
    expect(claimed.parked.map(({ event }) => event.sequence)).toEqual(sequences)
    let after = 20_050
    for (let page = 0; page < 3; page++) {
      const { events } = await stage.ask('dead', { group: 'g', after })
      expect(events.map(({ event }) => event.sequence)).toEqual(sequences.slice(0, 100).map((i) => after + i))
      after += 100
    }
    const all = sequences.map((sequence) => sequence + 20_000)
    const revived = await stage.ask('revive', { group: 'g', sequences: all, action: 'retry' })
    expect(revived).toEqual({ status: 'revived', count: 20_000 })
    expect(await stage.acknowledge({ unpark: Array.from({ length: 70_000 }, (_, i) => i) })).toMatchObject({
      status: 'acknowledged',
    })
    expect(await stage.ask('groups', {})).toMatchObject({
      groups: [
        { group: 'g', parked: 0, dead: 0 },
        { group: 'g2', parked: 1, dead: 1 },
      ],
    })
  })
})

test('a group that only has a checkpoint belongs to no consumer, not even to one without a name', async () => {
  const stage = await Stage.open()
  await stage.ask('checkpoint', { group: 'g', position: 0, trim: null })
  expect(await stage.ask('groups', {})).toMatchObject({ groups: [{ consumer: null, until: 0 }] })
  expect(await stage.acknowledge({ consumer: '', epoch: 1 })).toEqual({ status: 'fenced' })
  expect(await stage.claim('')).toMatchObject({ status: 'claimed', epoch: 1 })
  expect(await stage.ask('groups', {})).toMatchObject({ groups: [{ consumer: '', until: START + 30_000 }] })
})

test('names of any characters: each is its own group, listed in order of their bytes', async () => {
  const stage = await Stage.open()
  const names = [
    '',
    'a',
    'A',
    'head',
    'g',
    'ga',
    'é',
    'z',
    '😀',
    '\u{ffff}',
    'a\0b',
    'a:b',
    'a}b{',
    '%41',
    ' ',
    'x'.repeat(5_000),
    '1',
    '1p',
  ]
  for (const [i, group] of names.entries()) {
    await stage.ask('checkpoint', { group, position: 0, trim: null })
    const claim = { group, consumer: `${group} of ${i}`, leaseMs: i, start: 'now' } as const
    expect(await stage.ask('claim', claim)).toMatchObject({ epoch: 1, until: START + i })
    await stage.acknowledge({ group, consumer: `${group} of ${i}`, leaseMs: i, park: [parked(i + 1)] })
  }
  const inOrder = names.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  const { groups } = await stage.ask('groups', {})
  expect(groups.map(({ group }) => group)).toEqual(inOrder)
  for (const { group, consumer, until, parked: count } of groups) {
    const i = names.indexOf(group)
    expect({ consumer, until, count }).toEqual({ consumer: `${group} of ${i}`, until: START + i, count: 1 })
  }
})

test('the time never runs backwards behind what was written, though the clock does', async () => {
  const stage = await Stage.open()
  await stage.at(START + 60_000)
  await stage.claim()
  await stage.acknowledge({ leaseMs: 0 })
  await stage.at(START)
  expect(await stage.claim('two')).toMatchObject({ status: 'claimed', epoch: 2, until: START + 90_000 })
})
