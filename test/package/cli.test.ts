import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { commands } from '../../src/cli/commands.js'
import { EXIT_CODES } from '../../src/cli/exit-codes.js'
import { parse } from '../../src/cli/parse.js'
import { columnsOf } from '../../src/cli/terminal/width.js'
import { listProcesses } from '../../src/heartbeat/processes.js'
import { FlashSale, redisEngine, WaitingRoom } from '../../src/index.js'
import { openControlRoom, type Setting, stockhold, wordsOf } from '../support/cli.js'
import { OwnRedis } from '../support/own-redis.js'
import { drop, snapshot } from '../support/snapshot.js'
import { chapter } from './chapters.js'

const redis = new OwnRedis()
beforeEach(async () => {
  await redis.client.flushall()
})

const cli = (line: string, setting: Setting = {}) =>
  stockhold(line.split(' '), { ...setting, env: { REDIS_URL: redis.url, ...setting.env } })

/** A sale and a waiting room, both named `launch`, with an order of ann's and a hold of bob's. */
async function stage(stock: Record<string, number> = { mango: 100, papaya: 5 }) {
  const engine = redisEngine(redis.client)
  const sale = new FlashSale('launch', { engine, deadlineMs: 60_000 })
  const room = new WaitingRoom('launch', {
    engine,
    deadlineMs: 60_000,
    secret: 's'.repeat(32),
    ratePerSecond: 5,
    sale,
  })
  onTestFinished(async () => {
    await room.close()
    await sale.close()
    await engine.close()
  })
  await sale.create({ stock, limitPerBuyer: 4 })
  await room.create()
  const reserve = async (buyer: string) => {
    const held = await sale.reserve({ buyer, items: [{ sku: Object.keys(stock)[0]!, quantity: 2 }] })
    if (held.status !== 'reserved') expect.fail(held.status)
    return held.reservation.id
  }
  const order = await reserve('ann')
  await sale.confirm(order, { paymentId: 'pi_1' })
  return { engine, sale, room, order, hold: await reserve('bob'), reserve }
}

describe('to look', () => {
  test('list: an empty prefix, and what there is', async () => {
    expect(await cli('list')).toEqual({
      ...{ code: 0, errors: '' },
      out: 'There is no sale and no waiting room under this prefix.\n',
    })
    await stage()
    const { out } = await cli('list')
    expect(out.split('\n').map((line) => line.replace(/ +/g, ' '))).toEqual([
      'kind id state partitions created',
      expect.stringMatching(/^sale launch open 1 \d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d\d:\d\d$/),
      expect.stringMatching(/^room launch open - /),
      '',
    ])
    const { out: json } = await cli('list --json')
    expect(JSON.parse(json)).toMatchObject([{ kind: 'sale', id: 'launch' }, { kind: 'room' }])
    expect(json.endsWith('\n') && !json.slice(0, -1).includes('\n')).toBe(true)
    expect((await cli('list --prefix other')).out).toContain('no sale')
  })

  test('show: a sale, a room, and the question which is meant', async () => {
    const { sale } = await stage()
    await sale.update({ skus: { papaya: { always: true } } })
    const shown = await cli('show sale:launch')
    expect(shown.code).toBe(0)
    expect(shown.out).toContain('sale launch: open\n')
    expect(shown.out).toMatch(/^limit per buyer +4$/m)
    expect(shown.out).toMatch(/^hold +10 min, at most 1 h$/m)
    expect(shown.out).toMatch(/^mango +96 +2 +2 +100$/m)
    expect(shown.out).toMatch(/^papaya +5 +0 +0 +5 +always$/m)
    const room = await cli('show room:launch')
    expect(room.out).toContain('waiting room launch: open\n')
    expect(room.out).toMatch(/^outstanding +0 turns and passes; the stock allows 115$/m)
    expect(room.out).toMatch(/^rate +5\/s, burst 5; turns called [\d.]+\/s$/m)
    expect(JSON.parse((await cli('show sale:launch --json')).out)).toMatchObject({
      ...{ kind: 'sale', state: 'open', skus: { mango: { confirmed: 2 } } },
    })
    const both = await cli('show launch')
    expect(both).toMatchObject({ code: 2, out: '' })
    expect(both.errors).toContain('Write sale:launch or room:launch.')
  })

  test('watch: a line for each reading, or one reading as JSON', async () => {
    await stage()
    const { out, code } = await cli('watch sale:launch --times 1')
    expect(out).toMatch(
      /^\d\d:\d\d:\d\d; launch open; mango 96\/100 0\/s; papaya 5\/5 0\/s; room launch open/,
    )
    expect(out.trim().split('\n')).toHaveLength(1)
    expect(code).toBe(0)
    expect(JSON.parse((await cli('watch room:launch --json')).out)).toMatchObject({
      ...{ sale: { id: 'launch' }, rooms: [{ id: 'launch' }], memory: { used: expect.any(Number) } },
    })
    expect(await cli('watch nothing')).toMatchObject({ code: 3 })
  })

  test('find: by reservation, by buyer, and nothing', async () => {
    const { order } = await stage()
    for (const how of [`--reservation ${order}`, '--buyer ann']) {
      const found = await cli(`find launch ${how}`)
      expect(found.code).toBe(0)
      expect(found.out).toMatch(new RegExp(`^${order} +confirmed +ann +2 mango .* pi_1$`, 'm'))
    }
    expect(await cli('find launch --buyer eve')).toMatchObject({ code: 1, out: 'Nothing was found.\n' })
    expect((await cli('find launch')).errors).toContain('needs one of --reservation, --buyer, --payment')
    expect((await cli('find --buyer ann')).errors).toContain('SALE is missing')
    expect(await cli('find --payment pi_1')).toMatchObject({
      ...{ code: 2, errors: expect.stringContaining('needs a ledger') },
    })
  })

  test('refunds, groups, audit', async () => {
    const { sale, order } = await stage()
    expect((await cli('refunds launch')).out).toBe('No refund is due.\n')
    expect((await cli('groups launch')).out).toBe('There are no consumer groups.\n')
    await sale.confirm(order, { paymentId: 'pi_2' })
    expect((await cli('refunds launch')).out).toMatch(
      new RegExp(`^pi_2 +${order} +duplicate_payment +ann$`, 'm'),
    )
    const consumer = sale.consume({ group: 'mail' }, () => {})
    await expect.poll(async () => (await consumer.stats()).lag).toBe(0)
    expect((await cli('groups launch')).out).toMatch(/^mail +0 +0 +0 +1$/m)
    await consumer.close()
    expect(await cli('audit launch')).toMatchObject({
      code: 0,
      out: expect.stringContaining('No violation: 2 reservations were recounted.\n'),
    })
    await redis.client.eval(
      `local counts = redis.call('HGETALL', KEYS[1]); redis.call('HSET', KEYS[1], counts[1], counts[4])`,
      1,
      '{stockhold:launch:0}:stock',
    )
    const { code, out } = await cli('audit launch')
    expect(out).toContain('Violations found')
    expect(code).toBe(1)
  })
})

describe('to change', () => {
  test('pause, resume: the state afterwards, and a log with name and reason', async () => {
    await stage()
    const paused = await stockhold(['pause', 'sale:launch', '--as', 'ann', '--reason', 'too many bots'], {
      env: { REDIS_URL: redis.url },
    })
    expect(paused).toEqual({ code: 0, errors: '', out: 'sale:launch: paused.\n' })
    expect((await cli('resume sale:launch --json')).out).toBe(
      '{"operation":"resume","target":"sale:launch","result":{"state":"open"},"logged":true}\n',
    )
    const log = await cli('log')
    expect(log.out).toMatch(/^ +1 .* ann +pause +sale:launch +done +-> \{"state":"paused"\} +too many bots$/m)
    const entries = JSON.parse((await cli('log --json --limit 1')).out)
    expect(entries).toMatchObject([{ number: 2, operation: 'resume', by: expect.stringMatching(/.@./) }])
    expect(JSON.parse((await cli('log --json --before 2')).out)).toMatchObject([{ number: 1, by: 'ann' }])
  })

  test('update: every rule', async () => {
    const { sale, room } = await stage()
    const moments = '--opens-at 2026-11-11T20:00:00+08:00 --closes-at 1794405600000'
    const spans = '--hold 90s --max-hold 2h --retain 14d'
    const limits = '--limit-per-buyer mango=1 --limit-per-buyer papaya=none --stock a=b=3'
    expect(await cli(`update sale:launch ${moments} ${spans} ${limits}`)).toMatchObject({
      ...{ code: 0, out: 'The rules are in force: revision 1.\n' },
    })
    expect(await sale.rules()).toMatchObject({
      ...{ opensAt: Date.UTC(2026, 10, 11, 12), closesAt: 1794405600000 },
      ...{ holdMs: 90_000, maxHoldMs: 7_200_000, retainMs: 14 * 86_400_000 },
      skus: { mango: { limitPerBuyer: 1 }, papaya: { limitPerBuyer: null }, 'a=b': {} },
    })
    const removed = '--opens-at none --closes-at none --hold none --max-hold none --retain none'
    await cli(`update sale:launch ${removed} --limit-per-buyer 3`)
    expect(await sale.rules()).toMatchObject({
      ...{ opensAt: null, closesAt: null, holdMs: 600_000, retainMs: null, limitPerBuyer: 3 },
    })
    const again = 'These rules were in force (revision 2).\n'
    expect((await cli('update sale:launch --limit-per-buyer 3')).out).toBe(again)
    await cli('update sale:launch --limit-per-buyer none --rules {"skus":{"mango":{"always":true}}}')
    expect(await sale.rules()).toMatchObject({ limitPerBuyer: null, skus: { mango: { always: true } } })
    await cli('update room:launch --tiers members,public')
    expect((await room.stats()).tiers.map(({ tier }) => tier)).toEqual(['members', 'public'])
  })

  test.each([
    ['update sale:launch', 'update needs an option with a rule'],
    ['update sale:launch --tiers a,b', '--tiers is a rule of a waiting room'],
    ['update room:launch --hold 1m', '--hold is a rule of a sale'],
    ['update sale:launch --opens-at 2026-11-11T20:00:00', '--opens-at must be a time with its zone'],
    ['update sale:launch --hold 90', '--hold must be a span'],
    ['update sale:launch --stock lime', '--stock must be SKU=N'],
    ['update sale:launch --limit-per-buyer 0', '--limit-per-buyer must be a whole number from 1'],
    ['update sale:launch --rules [1]', '--rules must be a JSON object'],
    ['update sale:launch --rules {"holdms":1}', 'Did you mean "holdMs"?'],
    ['rate launch fast', 'PER_SECOND must be a number'],
    ['rate launch 5 --burst 0', '--burst must be a whole number'],
    ['restock launch mango 1.5', 'QUANTITY must be a whole number'],
    ['restock launch mango 0', 'QUANTITY must not be 0'],
    ['restock launch mango', 'QUANTITY is missing: npx stockhold restock SALE SKU QUANTITY'],
    ['restock launch mango 1 --key a --key b', '--key is given twice'],
    ['pause launch --burst 1', 'pause has no option --burst'],
    ['pause launch --raeson x', 'Did you mean --reason?'],
    ['pause launch --reasn x', 'Did you mean --reason?'],
    ['restock launch watch 5 --reasn x', 'Did you mean --reason?'],
    ['find launch --reservaton x', 'Did you mean --reservation?'],
    ['restock launch mango 1 --keys x', 'Did you mean --key?'],
    ['recover launch --keepfrozen', 'Did you mean --keep-frozen?'],
    ['pause launch --burs 1', "Unknown option '--burs'.\nTry"],
    ['list --jsn', "Unknown option '--jsn'. Did you mean --json?"],
    ['puase launch', 'there is no command "puase". Did you mean "pause"?'],
    ['pause sale:launch --as', "Option '--as <value>' argument missing"],
    ['dead-letters launch g --retry all --discard all', '--retry and --discard exclude each other'],
    [
      'recover launch',
      'recover needs --wait-for N (how many processes sell), --postgres URL, or --from accept',
    ],
    ['recover launch --from replay', '--from replay needs --wait-for N'],
    ['recover launch --timeout 5s --from accept', '--timeout needs --wait-for N'],
    ['recover launch --resume-anyway', '--resume-anyway needs --wait-for N'],
    ['recover launch --wait-for 2 --keep-frozen --resume-anyway', 'exclude each other'],
    ['refunds launch --schema shop', '--schema needs --postgres URL'],
    ['refunds launch --postgres mysql://x', '--postgres must be a postgres:// URL'],
    ['list --sentinel m --cluster', '--sentinel and --cluster exclude each other'],
    ['list --redis redis://a --redis redis://b', 'more than one --redis is for --sentinel or --cluster'],
    ['list --ca /nowhere', '--ca must be a file that can be read'],
    ['completion tcsh', 'SHELL must be bash, zsh, fish'],
    ['update sale:launch --max-hold 1s --hold 5m', '--max-hold must not be less than --hold'],
    ['update sale:launch --rules {"maxHoldMs":0,"holdMs":9}', '--max-hold must'],
    ['update sale:launch --stock mango=7', '--stock["mango"] is on sale already'],
    ['find launch --payment p', '--payment needs a ledger'],
    ['recover launch --wait-for 2 --timeout 3d', '--timeout must be a whole number from 1 to'],
    ['recover launch --wait-for 2 --from ledger', "'ledger' needs a ledger"],
    ['dead-letters launch mail --discard x', '--discard must name an event such as 0-1-17'],
    ['restock launch kiwi 5', 'SKU names the unknown SKU'],
    ['set-total launch mango 9999999999', 'TOTAL must'],
    ['reconcile launch', '--postgres must be given'],
  ])('a mistake is named, and nothing is executed: %s', async (line, advice) => {
    const { sale } = await stage()
    const ran = await cli(line)
    expect(ran.errors).toContain(advice)
    expect(ran).toMatchObject({ code: 2, out: '' })
    const { error } = JSON.parse((await cli(`${line} --json`)).out)
    expect(error).toMatchObject({ exitCode: 2, code: expect.stringMatching(/^(USAGE|INVALID_ARGUMENT)$/) })
    const [name] = line.split(' ')
    const help = name === 'puase' ? '--help' : `${name} --help`
    if (error.code === 'USAGE') expect(error.advice).toBe(`Try: npx stockhold ${help}`)
    else expect(error.advice).toMatch(/npx stockhold|--postgres URL/)
    expect(await sale.rules()).toMatchObject({ revision: 0 })
    expect((await sale.stats()).skus.mango!.total).toBe(100)
  })

  test('rate, block, unblock', async () => {
    const { room } = await stage()
    expect((await cli('rate launch 0.5 --burst 10')).out).toBe(
      'room:launch admits 0.5 a second, and at most 10 at once.\n',
    )
    expect(await room.stats()).toMatchObject({ ratePerSecond: 0.5, burst: 10 })
    expect((await cli('block launch eve')).out).toBe('The buyer is blocked.\n')
    expect((await cli('block launch eve')).out).toBe('The buyer was blocked before.\n')
    expect(await room.join('eve')).toEqual({ status: 'blocked' })
    expect((await cli('unblock launch eve')).out).toBe('The buyer may join again.\n')
    expect((await cli('unblock launch eve')).out).toBe('The buyer was not blocked.\n')
  })

  test('restock, set-total, move: with a key that makes them safe to repeat', async () => {
    const { sale } = await stage()
    const added = await cli('restock launch mango 10')
    expect(added).toMatchObject({ code: 0, out: '10 units of mango added.\n' })
    const [, key] = /^key: (restock-\d{14}-[\da-f]{8})\n$/.exec(added.errors)!
    const again = await cli(`restock launch mango 10 --key ${key}`)
    expect(again).toEqual({
      ...{ code: 0, errors: '' },
      out: '10 units of mango added. An earlier call with this key did that.\n',
    })
    expect(await cli(`restock launch mango 11 --key ${key}`)).toMatchObject({
      code: 3,
      errors: expect.stringContaining('Give another --key for another request.'),
    })
    expect((await cli('restock launch mango -6')).out).toBe('6 units of mango removed.\n')
    expect((await cli('move launch mango papaya 1')).out).toBe('1 unit moved from mango to papaya.\n')
    const counted = await cli('set-total launch mango 3 --key c --counted-at 2026-01-02T00:00:00Z --json')
    expect(JSON.parse(counted.out)).toMatchObject({ key: 'c', result: { applied: -99, owed: 1 } })
    expect(await cli('set-total launch mango 50 --counted-at 2026-01-01T00:00:00Z')).toMatchObject({
      ...{ code: 1, out: 'A newer count is in force. Nothing changed.\n' },
    })
    expect((await sale.stats()).skus).toMatchObject({ mango: { total: 4, owed: 1 }, papaya: { total: 6 } })
    expect(await cli('restock launch kiwi 1')).toMatchObject({ code: 2 })
    // Nothing is there to be taken: a script has to hear of it.
    expect(await cli('restock launch papaya -6')).toMatchObject({ code: 0 })
    expect(await cli('move launch papaya mango 1')).toMatchObject({
      ...{ code: 1, out: '0 of 1 unit moved from papaya to mango: none was available.\n' },
    })
    expect(await cli('move launch mango mango 1')).toMatchObject({
      ...{ code: 2, errors: expect.stringContaining('TO must be another SKU than "mango".\n') },
    })
    expect(await cli('restock launch papaya -5')).toMatchObject({
      ...{ code: 1, out: '0 of 5 units of papaya removed: none was available.\n' },
    })
  })

  test('restock: a removal that would leave nothing, and asks for more, is asked about', async () => {
    const { sale } = await stage()
    const asked = await cli('restock launch mango -9999999')
    expect(asked).toMatchObject({ code: 2, out: '' })
    expect(asked.errors).toContain('Remove 9,999,999 units of mango? 96 are available: none is left on sale.')
    expect((await sale.stats()).skus.mango!.total).toBe(100)
    expect(await cli('restock launch mango -9999999 --yes')).toMatchObject({
      ...{ code: 0, out: '96 of 9,999,999 units of mango removed: no more were available.\n' },
    })
    expect((await cli('move launch papaya mango 7')).out).toBe(
      '5 of 7 units moved from papaya to mango: no more were available.\n',
    )
  })

  test('rate without --burst leaves the burst as it is', async () => {
    const { room } = await stage()
    await cli('rate launch 50 --burst 7')
    expect((await cli('rate launch 5')).out).toBe('room:launch admits 5 a second, and at most 7 at once.\n')
    expect(await room.stats()).toMatchObject({ ratePerSecond: 5, burst: 7 })
    expect(JSON.parse((await cli('rate launch 5 --json')).out).result).toEqual({ ratePerSecond: 5, burst: 7 })
    expect((await cli('rate --help')).out.replace(/\s+/g, ' ')).toContain('without it the burst stays')
  })

  test('rate 0 says that no visitor is admitted any more, and how to go on', async () => {
    const { room } = await stage()
    const { out } = await cli('rate launch 0')
    expect(out).toBe(
      'room:launch admits no visitor any more. To let it go on: npx stockhold rate room:launch PER_SECOND\n',
    )
    expect(await room.stats()).toMatchObject({ ratePerSecond: 0 })
    expect((await cli('rate room:launch 50')).out).toMatch(/^room:launch admits 50 a second, /)
  })

  test('log: a refused operation shows what was answered', async () => {
    await stage()
    expect((await cli('destroy sale:launch --yes')).code).toBe(1)
    expect((await cli('log')).out).toContain('{"force":false} -> {"status":"not_ended"}')
  })

  test('dead letters: shown, retried and discarded', async () => {
    const { sale } = await stage()
    const consumer = sale.consume({ group: 'mail', maxAttempts: 1 }, () => {
      throw new Error('no \u001b[31mmail')
    })
    await expect.poll(async () => (await consumer.stats()).dead).toBe(3)
    await consumer.close()
    const shown = await cli('dead-letters launch mail')
    expect(shown.out).toMatch(/^0-1-2 +confirmed .* no \\u001b\[31mmail$/m)
    expect((await cli('dead-letters launch mail --limit 2')).out).toContain('There are more: --limit N.')
    expect((await cli('dead-letters launch mail --retry 0-1-2')).out).toBe('1 dead letter is tried again.\n')
    expect((await cli('dead-letters launch mail --discard all')).errors).toContain('--yes answers that')
    const discarded = await cli('dead-letters launch mail --discard all --yes')
    expect(discarded.out).toBe('2 dead letters were discarded.\n')
    expect((await cli('dead-letters launch mail')).out).toBe('There are no dead letters.\n')
    expect(await cli('dead-letters launch post')).toMatchObject({
      ...{ code: 3, errors: expect.stringContaining('It has: mail.') },
    })
  })
})

describe('a question stands before what cannot be undone', () => {
  test.each(['n\n', '\n', '', 'maybe\n', 'no, yes\n'])(
    'answered with %j nothing is executed',
    async (typed) => {
      const { sale } = await stage()
      const ran = await cli('end sale:launch', { typed })
      expect(ran).toEqual({
        ...{ code: 1, out: '' },
        errors: 'End the sale sale:launch for ever? It will never sell again. [y/N] Nothing was executed.\n',
      })
      expect((await sale.stats()).state).toBe('open')
      expect(JSON.parse((await cli('log --json')).out)).toEqual([])
    },
  )

  test('answered with yes, or by --yes, it is', async () => {
    const { sale } = await stage()
    expect(await cli('end launch', { typed: 'y\n' })).toMatchObject({ code: 0, out: 'sale:launch: ended.\n' })
    expect((await sale.stats()).state).toBe('ended')
    const held = await cli('destroy sale:launch --yes')
    expect(held).toMatchObject({ code: 1, out: expect.stringContaining('Nothing was removed; --force') })
    expect(await cli('destroy sale:launch --force', { typed: 'YES\n' })).toMatchObject({
      ...{ code: 0, out: 'Nothing is left of it.\n' },
    })
    expect((await cli('destroy room:launch -y')).code).toBe(0)
    expect((await cli('list')).out).toContain('no sale')
    expect((await cli('log')).out).toContain('destroy')
  })

  test('without a terminal to ask, --yes is needed', async () => {
    const { sale } = await stage()
    for (const line of ['end sale:launch', 'destroy room:launch', 'recover launch --from accept'])
      expect(await cli(line)).toMatchObject({
        code: 2,
        errors: expect.stringContaining('--yes answers that'),
      })
    const json = await cli('end sale:launch --json', { typed: 'y\n' })
    expect(JSON.parse(json.out)).toMatchObject({ error: { code: 'USAGE' } })
    expect((await sale.stats()).state).toBe('open')
  })
})

describe('what went wrong, and what to do', () => {
  test('a sale that is not there', async () => {
    expect(await cli('pause nothing')).toMatchObject({
      code: 3,
      errors: expect.stringMatching(
        /no sale and no waiting room "nothing".*\nSee what there is: npx stockhold list/s,
      ),
    })
  })

  test('a sale that is paused before its opening is said to be paused, too', async () => {
    const { sale } = await stage()
    await sale.update({ opensAt: Date.now() + 86_400_000 })
    const told =
      'sale:launch: not_started, and paused. Also after its opening it sells nothing until npx stockhold resume sale:launch\n'
    expect(await cli('pause sale:launch')).toMatchObject({ code: 0, out: told })
    expect((await cli('resume sale:launch')).out).toBe('sale:launch: not_started.\n')
    const recovered = await cli('recover launch --from accept --paused --yes')
    expect(recovered).toMatchObject({ code: 0, out: expect.stringContaining(told) })
    expect((await cli('recover launch --from accept --yes')).out).toContain('sale:launch: not_started.\n')
  })

  test('a frozen sale is shown as such, and recovered', async () => {
    const { sale } = await stage()
    const goBack = await snapshot(redis.client, '{stockhold:launch:0}:*')
    await sale.reserve({ buyer: 'eve', items: [{ sku: 'mango', quantity: 1 }] })
    await goBack()
    await expect(sale.reserve({ buyer: 'u', items: [{ sku: 'mango', quantity: 1 }] })).rejects.toMatchObject({
      code: 'ROLLBACK_DETECTED',
    })
    const shown = await cli('show sale:launch')
    expect(shown.out).toContain('sale launch: frozen\nROLLBACK_DETECTED: ')
    expect(shown.out).toContain('\nRecover it: npx stockhold recover launch --wait-for N, ')
    // What Redis still has is shown, and that this is not all.
    expect(shown.out).toMatch(/^mango +\d+ .* 100$/m)
    expect(shown.code).toBe(1)
    expect(await cli('audit launch')).toMatchObject({
      ...{ code: 3, errors: expect.stringContaining('Recover it: npx stockhold recover launch ') },
    })
    const watched = await cli('watch sale:launch --times 1')
    expect(watched.out).toMatch(
      /; launch frozen; .*\nRecover it: npx stockhold recover launch --wait-for N, /,
    )
    expect(watched.code).toBe(1)
    const kept = await cli('recover launch --from accept --yes --keep-frozen')
    expect(kept).toMatchObject({ code: 0, out: expect.stringContaining('sale:launch: frozen.\n') })
    expect(await cli('pause sale:launch')).toMatchObject({
      code: 0,
      out: expect.stringMatching(
        /^sale:launch: paused, and frozen: it sells nothing until it is recovered, and resumed then\.\nRecover it: /,
      ),
    })
    const recovered = await cli('recover launch --from accept --yes')
    expect(recovered).toMatchObject({
      code: 0,
      out: expect.stringContaining(
        'sale:launch: paused. It sells nothing, or not in each partition, until npx stockhold resume sale:launch',
      ),
    })
    expect((await cli('resume sale:launch')).out).toBe('sale:launch: open.\n')
    expect(await cli('show sale:launch')).toMatchObject({
      code: 0,
      out: expect.stringContaining('launch: open'),
    })
  })

  test('a lost sale is recovered by every process that sold, with one command', async () => {
    const sales = [1, 2].map(() => {
      const engine = redisEngine(redis.client)
      const sale = new FlashSale('launch', { engine, deadlineMs: 60_000 })
      onTestFinished(async () => {
        await sale.close()
        await engine.close()
      })
      return sale
    })
    for (const [i, sale] of sales.entries()) {
      await sale.create({ stock: { a: 10 } })
      const held = await sale.reserve({ buyer: `u${i}`, items: [{ sku: 'a', quantity: 1 }] })
      expect(held).toMatchObject({ status: 'reserved' })
    }
    await drop(redis.client, '{stockhold:launch:*')
    const { code, out, errors } = await cli('recover launch --wait-for 2')
    expect(out).toMatch(
      /^2 reservations are as they were acknowledged\.\nsale:launch: open\.\nSKU +total +available\na +10 +8\nCompare these totals with yours: /,
    )
    expect(errors).toContain('2 answered, 0 to go\n')
    expect(code).toBe(0)
    const paused = await cli('recover launch --wait-for 2 --paused --json')
    expect(JSON.parse(paused.out)).toMatchObject({
      result: { state: 'paused', processes: { missing: [], lacking: 0 } },
      skus: { a: { total: 10, available: 8 } },
    })
    expect((await cli('show launch')).out).toMatch(/^a +8 +2 +0 +10$/m)
    const tooMany = await cli('recover launch --wait-for 3 --timeout 15s')
    const names = `${hostname()} ${process.pid}`
    expect(tooMany.code).toBe(1)
    expect(tooMany.out).toContain(`2 of 3 that sell have answered: ${names}, ${names}.\n`)
    expect(tooMany.out).toContain('No other process is known that has the sale open.')
    expect(tooMany.out).toContain('If no more than 2 sell, --wait-for 2.')
    expect((await cli('log')).out).toMatch(/recover +sale:launch +done +\{"from":"replay","waitFor":2,/)
  })

  test('recover names a silent process, though its host and pid are those of the command', async () => {
    // As in containers: each has the pid 1, and they may share one host name.
    const client = redis.client.duplicate()
    const engine = redisEngine(client)
    const sale = new FlashSale('launch', { engine, deadlineMs: 60_000 })
    onTestFinished(async () => {
      await sale.close()
      await engine.close()
    })
    await sale.create({ stock: { a: 10 } })
    await sale.reserve({ buyer: 'ann', items: [{ sku: 'a', quantity: 1 }] })
    await expect
      .poll(async () => (await listProcesses(engine))[0]?.figures?.inUse, { timeout: 60_000 })
      .toMatchObject([{ id: 'launch' }])
    client.disconnect()
    await drop(redis.client, '{stockhold:launch:*')
    const { code, out, errors } = await cli('recover launch --wait-for 1 --timeout 1s')
    expect(code).toBe(1)
    const name = `${hostname()} ${process.pid}`
    // It was seen in the last five seconds, or no longer.
    expect(errors.replace('silent:', 'asked:')).toContain(`0 answered, 1 to go; asked: ${name}\n`)
    expect(out.split('\n').filter((line) => line.startsWith(name))).toHaveLength(1)
    // The process of the command has sold nothing, and nobody waits for it.
    expect(errors).not.toContain(`${name}, ${name}`)
  })

  test('after a loss of everything, recover tells of the waiting room that stays lost', async () => {
    const { room } = await stage()
    await room.stats()
    // Processes that are known by their beats only: the index went, too.
    await redis.client.flushall()
    await expect
      .poll(async () => (await cli('list')).out, { timeout: 60_000 })
      .toMatch(/^room +launch +lost/m)
    const shown = await cli('show room:launch')
    expect(shown.out).toContain('A waiting room cannot be recovered: when its sale sells again, restart')
    const lost = await cli('show sale:launch')
    expect(lost).toMatchObject({ code: 1, out: expect.stringContaining('recover launch --wait-for N') })
    expect(lost.out).toMatch(/processes still know it\.\nRecover it: .* if there is a ledger\.\n/)
    const watched = await cli('watch sale:launch --times 2')
    expect(watched.code).toBe(1)
    expect(watched.out.match(/; launch lost; /g)).toHaveLength(2)
    expect(watched.out.match(/^Recover it: npx stockhold recover launch --wait-for N, /gm)).toHaveLength(1)
    const read = await cli('watch sale:launch --json')
    expect(read).toMatchObject({ code: 1, out: expect.stringContaining('"state":"lost"') })
    const accepted = await cli('recover launch --from accept --paused --yes')
    expect(accepted.code).toBe(3)
    expect(accepted.errors).toContain(
      'npx stockhold recover launch --from accept --wait-for N --paused, where',
    )
    for (const line of ['pause sale:launch', 'find launch --buyer ann']) {
      const told = await cli(line)
      expect(told.code, line).toBe(3)
      expect(told.errors, line).toContain('the sale "launch" has lost its state in Redis')
      expect(told.errors, line).toContain('Recover it: npx stockhold recover launch --wait-for N')
    }
    expect((await cli('rate launch 5')).errors).toContain('A waiting room cannot be recovered')
    const { code, out, errors } = await cli('recover launch --wait-for 1')
    expect(code).toBe(0)
    expect(out).toContain('2 reservations are as they were acknowledged.\n')
    expect(out).toContain('Redis has lost waiting room launch too. A waiting room cannot be recovered')
    expect(errors).toContain('1 answered, 0 to go\n')
    await expect(room.join('eve')).rejects.toMatchObject({
      ...{ code: 'STATE_LOST', message: expect.stringContaining('close this handle') },
    })
    const refused = await cli('block room:launch eve')
    expect(refused.errors).not.toContain('npx stockhold recover')
  })

  test('a Redis that cannot be reached, or refuses the login', async () => {
    const gone = await cli('list', { env: { REDIS_URL: 'redis://:hidden@127.0.0.1:1' } })
    expect(gone).toMatchObject({ code: 2, errors: expect.stringContaining('cannot be reached: ') })
    const refused = await cli('list', { env: { REDIS_URL: redis.url.replace('//', '//x:hidden@') } })
    expect(refused).toMatchObject({ code: 2, errors: expect.stringContaining('refuses the login') })
    expect(gone.errors + refused.errors).not.toContain('hidden')
    expect((await cli('list', { env: { REDIS_URL: '' } })).errors).toContain('which Redis?')
  })

  test('a prefix that is none', async () => {
    const ran = await stockhold(['list', '--prefix', ''], { env: { REDIS_URL: redis.url } })
    expect(ran).toMatchObject({ code: 2, errors: expect.stringContaining('--prefix must be') })
  })
})

describe('on a terminal', () => {
  const hostile = '\u001b]0;owned\u0007\u009b2J\u202emango'

  test('a hostile name never reaches it raw', async () => {
    const { sale } = await stage({ [hostile]: 10 })
    await sale.reserve({ buyer: hostile, items: [{ sku: hostile, quantity: 1 }], key: 'k' })
    const at = { env: { REDIS_URL: redis.url }, columns: 120 }
    const runs = [
      await stockhold(['show', 'sale:launch'], at),
      await stockhold(['show', 'sale:launch', '--json'], at),
      await stockhold(['find', 'launch', '--buyer', hostile], at),
      await stockhold(['restock', 'launch', hostile, '1', '--reason', hostile, '--as', hostile], at),
      await stockhold(['log'], at),
      await stockhold(['pause', hostile], at),
      await stockhold(['find', 'launch', '--reservation', hostile], at),
    ]
    for (const { out, errors } of runs) {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are the program's own
      const text = (out + errors).replace(/\x1b\[\d+m/g, '')
      // biome-ignore lint/suspicious/noControlCharactersInRegex: none of these may be there
      expect(text).not.toMatch(/[\0-\x09\x0b-\x1f\x7f-\x9f\u202e]/)
    }
    expect(runs[0]!.out).toContain('\\u001b]0;owned\\u0007\\u009b2J\\u202emango')
    expect(Object.keys(JSON.parse(runs[1]!.out).skus)).toEqual([hostile])
  })

  test('colours repeat what words say, and NO_COLOR switches them off', async () => {
    await stage()
    const coloured = await cli('show sale:launch', { columns: 80 })
    expect(coloured.out).toContain('\u001b[32mopen\u001b[39m')
    const plain = await cli('show sale:launch', { columns: 80, env: { NO_COLOR: '1' } })
    expect(plain.out).not.toContain('\u001b')
    expect(plain.out).toContain('sale launch: open')
  })

  test.each([36, 60, 100])('no line is wider than %i columns, and columns are aligned', async (columns) => {
    const { sale } = await stage({ '芒果手机 🥭': 100, mango: 7 })
    await sale.reserve({ buyer: 'a buyer with quite a long name', items: [{ sku: 'mango', quantity: 1 }] })
    await cli('pause sale:launch')
    for (const line of ['list', 'show sale:launch', 'show room:launch', 'find launch --buyer ann', 'log']) {
      const { out } = await cli(line, { columns, env: { NO_COLOR: '1' } })
      for (const text of out.split('\n'))
        expect(columnsOf(text), `${line}: ${text}`).toBeLessThanOrEqual(columns)
    }
    if (columns < 60) return
    const { out } = await cli('show sale:launch', { columns, env: { NO_COLOR: '1' } })
    const [head, ...rows] = out.split('\n').slice(-4, -1)
    for (const row of rows) expect(columnsOf(row)).toBe(columnsOf(head!))
  })
})

test('the version, and help by its own command', async () => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8'))
  expect(await stockhold(['--version'])).toEqual({ code: 0, out: `${version}\n`, errors: '' })
  expect(await stockhold(['help', 'pause'])).toEqual(await stockhold(['pause', '--help']))
  expect(await stockhold(['help'])).toEqual(await stockhold(['--help']))
  expect(await stockhold(['help', 'pauze'])).toMatchObject({ code: 2 })
})

test('help that is piped fits a terminal of 80 columns', async () => {
  const asked = ['--help', ...commands.map(({ name }) => `${name} --help`)]
  const lines = (await Promise.all(asked.map((line) => cli(line)))).flatMap(({ out }) => out.split('\n'))
  expect(lines.filter((line) => columnsOf(line) > 80)).toEqual([])
})

test('every example of the help is a command line that the program understands', () => {
  for (const { name, examples } of commands) {
    expect(examples.length, name).toBeGreaterThan(0)
    for (const example of examples)
      expect(parse(wordsOf(example), commands)).toMatchObject({ command: { name } })
  }
})

describe('the chapter', () => {
  const { prose, blocks } = chapter('src/cli/README.md')

  test('has every command with its parameters, and every option', () => {
    for (const { name, parameters, options } of commands) {
      expect(prose).toContain(`\`${`${name} ${parameters}`.trim()}\``)
      for (const option of options) expect(prose).toMatch(new RegExp(`--${option.name}[ \`]`))
    }
    for (const [code, meaning] of Object.entries(EXIT_CODES))
      expect(prose).toContain(`| ${code} | ${meaning} |`)
  })

  test('every command of its blocks does what it says', async () => {
    const { sale } = await stage()
    const consumer = sale.consume({ group: 'mail' }, () => {})
    await expect.poll(async () => (await consumer.stats()).lag).toBe(0)
    await consumer.close()
    const lines = blocks
      .flatMap(({ code }) => code.trim().split('\n'))
      .filter((line) => line.startsWith('npx '))
    expect(lines.length).toBeGreaterThan(15)
    for (const line of lines) {
      const [, , command, ...rest] = wordsOf(line)
      // The room has the name of the sale here; the chapter's reader has no room of that name.
      const words = rest.map((word) => (word === 'launch' && IS_EITHER.has(command!) ? 'sale:launch' : word))
      if (command === 'end') await sale.release((await sale.reservationsOf('bob'))[0]!.id)
      const setting = { env: { REDIS_URL: redis.url } }
      const ran =
        command === 'control-room'
          ? await (await openControlRoom(words, setting)).interrupt()
          : await stockhold([command!, ...words], setting)
      expect(ran.code, `${line}: ${ran.errors}`).toBe(0)
      if (command === 'dead-letters') await sale.removeConsumerGroup('mail')
    }
  })
})

const IS_EITHER = new Set(['show', 'pause', 'resume', 'update'])

describe('completion', () => {
  /** What bash offers at the end of a line. */
  const completed = async (line: string) => {
    const words = line.split(' ')
    const script = [
      (await cli('completion bash')).out,
      `COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')})`,
      `COMP_CWORD=${words.length - 1}`,
      `_stockhold; echo "\${COMPREPLY[@]}"`,
    ]
    return execFileSync('bash', { input: script.join('\n'), encoding: 'utf8' })
      .trim()
      .split(' ')
  }

  test('bash: commands, and the options of a command', async () => {
    const beginsWith = (text: string) =>
      commands.map(({ name }) => name).filter((name) => name.startsWith(text))
    expect(await completed('stockhold re')).toEqual(beginsWith('re'))
    expect(await completed('stockhold --redis redis://h rate r --b')).toEqual(['--burst'])
    expect(await completed('stockhold completion z')).toEqual(['zsh'])
  })

  test.each(['zsh', 'fish'])('%s: names every command and option', async (shell) => {
    const { out, code } = await cli(`completion ${shell}`)
    expect(code).toBe(0)
    for (const { name, options } of commands) {
      expect(out).toContain(name)
      for (const option of options) expect(out).toContain(option.name)
    }
  })
})
