import { createHmac } from 'node:crypto'
import { expect, test } from 'vitest'
import { joined } from '../../../scripts/lib/joined.js'
import { random } from '../../../scripts/lib/random.js'
import type { WaitingRoom } from '../../../src/index.js'
import { codeOf, Entrance, entered, onBothEngines, positions, SECRET } from '../../support/waiting-room.js'

const OTHER_SECRET = 'another secret of thirty-two bytes, at least'
const base64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

onBothEngines((open, kind) => {
  test('a process that has never seen the visitor serves them by their ticket', async () => {
    const door = await open({ ratePerSecond: 1 })
    const crowd = await door.crowd(100)
    expect(positions(await door.come(crowd.slice(0, 3), door.handle()))).toEqual([null, 1, 2])
    expect(await door.waiting('u100', door.handle())).toMatchObject({ position: 99 })
    const { pass } = await door.admitted('u1', door.handle())
    const verifying = door.handle()
    await verifying.stats()
    expect(verifying.verify(pass, { buyer: 'u1' })).toMatchObject({ buyer: 'u1' })
  })

  test('rejects the ticket of another buyer than the one who must have it', async () => {
    const door = await open({ ratePerSecond: 1 })
    await door.join('ann')
    const ticket = door.ticket('ann')
    // A handle that has not read the room yet, and one that has.
    for (const room of [door.handle(), door.room]) {
      const bob = { buyer: 'bob' }
      expect(await codeOf(room.poll(ticket, bob))).toBe('TICKET_INVALID')
      expect(await codeOf(room.leave(ticket, bob))).toBe('TICKET_INVALID')
      expect(await codeOf((async () => room.updates(ticket, bob).next())())).toBe('TICKET_INVALID')
      expect(await codeOf(room.poll(ticket, { buyer: '' }))).toBe('INVALID_ARGUMENT')
      expect(await codeOf(room.leave(ticket, { buyer: '' }))).toBe('INVALID_ARGUMENT')
      expect((await room.poll(ticket, { buyer: 'ann' })).status).toBe('admitted')
    }
    expect(await door.room.leave(ticket, { buyer: 'ann' })).toEqual({ left: true })
  })

  test('secrets rotate: the first signs, all are accepted, and a process with only the new one refuses old tickets', async () => {
    const door = await open({ burst: 5 })
    await door.join('ann', 'bob')
    const { pass } = await door.admitted('ann')
    const rotating = door.handle({ secret: [OTHER_SECRET, SECRET] })
    expect(entered(await door.come(['ann', 'bob'], rotating))).toEqual(['ann', 'bob'])
    expect(rotating.verify(pass, { buyer: 'ann' }).buyer).toBe('ann')
    const { ticket } = await joined(rotating.join('cid'))
    expect(await codeOf(door.room.poll(ticket))).toBe('TICKET_INVALID')
    const rotated = door.handle({ secret: OTHER_SECRET })
    expect((await rotated.poll(ticket)).status).toBe('admitted')
    expect(await codeOf(door.poll('bob', rotated))).toBe('TICKET_INVALID')
    // With a join there is a ticket of the new kind, for the same place.
    expect((await joined(rotated.join('bob'))).position).toBe(0)
  })

  test('two rooms side by side: places, tickets, passes, revocations and rates of one are nothing in the other', async () => {
    const clock = await kind.make()
    const one = await Entrance.open(clock, { burst: 2 }, {}, 'one')
    const two = await Entrance.open(clock, { burst: 2, ratePerSecond: 2 }, {}, 'two')
    for (const door of [one, two]) await door.join('ann', 'bob')
    const passes = [await one.admitted('ann'), await two.admitted('ann')]
    for (const [mine, theirs, pass] of [
      [one, two, passes[1]!.pass],
      [two, one, passes[0]!.pass],
    ] as const) {
      expect(await codeOf(mine.room.poll(theirs.ticket('bob')))).toBe('TICKET_INVALID')
      expect(await codeOf(mine.room.leave(theirs.ticket('bob')))).toBe('TICKET_INVALID')
      expect(() => mine.room.verify(pass, { buyer: 'ann' })).toThrow(
        expect.objectContaining({ code: 'PASS_INVALID' }),
      )
    }
    await one.room.revoke('ann')
    await one.room.pause()
    expect(await two.room.stats()).toMatchObject({ state: 'open', ratePerSecond: 2, admitted: 1, waiting: 1 })
    await two.admitted('bob')
    await two.admitted('ann')
    expect(await one.waiting('bob')).toMatchObject({ position: 1 })
  })

  test.each([
    ['a sale', 'none', {}, { sale: 'phones' }, 'sale is not set (here "phones")'],
    ['none', 'a sale', { sale: 'phones' }, {}, 'sale is "phones" (not given here)'],
    ['one sale', 'another', { sale: 'phones' }, { sale: 'shoes' }, 'sale is "phones" (here "shoes")'],
    ['9 s for a turn', '30 s', {}, { claimMs: 9_000 }, 'claimMs is 30000 (here 9000)'],
    ['another passMs', 'its own', { passMs: 60_000 }, { passMs: 70_000 }, 'passMs is 60000 (here 70000)'],
    ['overcommit', 'another', {}, { overcommit: 2 }, 'overcommit is 1.2 (here 2)'],
    ['maxActive', 'none', {}, { maxActive: 5 }, 'maxActive is not set (here 5)'],
  ])('a handle that was told %s where the room has %s learns so from its first call', async (...row) => {
    const [, , ofRoom, ofHandle, difference] = row
    const clock = await kind.make()
    const door = await Entrance.open(clock)
    await door.sale().create({ stock: { a: 5 } })
    await door.handle(ofRoom, undefined, 'launch-2').create()
    const right = door.handle(ofRoom, undefined, 'launch-2')
    const { ticket } = await joined(right.join('ann'))
    const told = await right.poll(ticket)
    if (told.status !== 'admitted') return expect.fail(told.status)
    const { pass } = told
    const calls: Record<string, (room: WaitingRoom) => Promise<unknown>> = {
      join: (room) => room.join('bob'),
      poll: (room) => room.poll(ticket),
      updates: (room) => room.updates(ticket).next(),
      transfer: (room) => room.transfer(ticket, { to: 'bob' }),
      leave: (room) => room.leave(ticket),
      revoke: (room) => room.revoke('ann'),
      setRate: (room) => room.setRate(9),
      stats: (room) => room.stats(),
      ready: (room) => room.ready(),
      enter: (room) => room.enter(pass, 'ann'),
      create: (room) => room.create(),
    }
    for (const [name, call] of Object.entries(calls)) {
      const wrong = door.handle(ofHandle, undefined, 'launch-2')
      const error = await call(wrong).then(
        () => undefined,
        (thrown) => thrown,
      )
      expect([name, error?.code]).toEqual([name, 'RULES_CONFLICT'])
      expect(error.message).toBe(
        `The waiting room "launch-2" exists with other rules: ${difference}. Nothing was changed. Use the same rules or another id.`,
      )
    }
    expect(await right.stats()).toMatchObject({ waiting: 0, admitted: 1, ratePerSecond: 1 })
  })

  test('a handle that leaves an option out takes the rule of the room', async () => {
    const door = await open({ claimMs: 5_000, passMs: 60_000, overcommit: 2, maxActive: 1 })
    const bare = { claimMs: undefined, passMs: undefined, overcommit: undefined, maxActive: undefined }
    const other = door.handle(bare)
    await door.join('ann')
    const told = await other.poll(door.ticket('ann'))
    expect(told).toEqual({ status: 'admitted', pass: expect.any(String), expiresAt: door.now() + 60_000 })
    expect(await other.stats()).toMatchObject({ maxActive: 1, outstanding: 1 })
  })

  test('what is no ticket is TICKET_INVALID, however it was made; nothing else is ever thrown', async () => {
    const door = await open()
    await door.join('ann')
    const ticket = door.ticket('ann')
    const [header, body, signature] = ticket.split('.') as [string, string, string]
    const claims = JSON.parse(Buffer.from(body, 'base64url').toString())
    const signed = (head: unknown, content: unknown, key: string, hash = 'sha256') => {
      const text = `${base64(head)}.${base64(content)}`
      return `${text}.${createHmac(hash, key).update(text).digest('base64url')}`
    }
    const head = JSON.parse(Buffer.from(header, 'base64url').toString())
    const { pass } = await door.admitted('ann')
    const draw = random(99)
    const forged: unknown[] = [
      `${base64({ ...head, alg: 'none' })}.${body}.`,
      `${base64({ alg: 'none', typ: 'JWT' })}.${body}.${signature}`,
      signed({ ...head, alg: 'HS512' }, claims, SECRET, 'sha512'),
      signed(head, claims, OTHER_SECRET),
      signed(head, { ...claims, visitId: claims.visitId + 1 }, OTHER_SECRET),
      `${header}.${base64({ ...claims, b: 'bob' })}.${signature}`,
      pass,
      ...Array.from({ length: 40 }, (_, i) => ticket.slice(0, Math.floor((ticket.length * i) / 40))),
      `${ticket}A`,
      `${ticket}.`,
      ` ${ticket}`,
      ...[undefined, null, 1, {}, [], [ticket], Symbol('t'), 'x'.repeat(1_000_000), '..', 'a.b.c', '\ud800'],
      ...Array.from({ length: 1_000 }, () =>
        String.fromCharCode(...Array.from({ length: Math.floor(draw() * 200) }, () => 32 + draw() * 90)),
      ),
    ]
    for (const one of forged) {
      const text = one as string
      expect(await codeOf(door.room.poll(text))).toBe('TICKET_INVALID')
      expect(await codeOf(door.room.leave(text))).toBe('TICKET_INVALID')
      if (one === pass) continue
      expect(() => door.room.verify(text, { buyer: 'ann' })).toThrow(
        expect.objectContaining({ code: 'PASS_INVALID' }),
      )
    }
    expect(() => door.room.verify(ticket, { buyer: 'ann' })).toThrow(
      expect.objectContaining({ code: 'PASS_INVALID' }),
    )
    expect(await door.room.stats()).toMatchObject({ admitted: 1, outstanding: 1 })
  })

  test('a pass says whom it is for and until when, and no longer', async () => {
    const door = await open({ passMs: 1_000 })
    await door.join('ann')
    const { pass, expiresAt } = await door.admitted('ann')
    expect(door.room.verify(pass, { buyer: 'ann' })).toEqual({ buyer: 'ann', visitId: 1, expiresAt })
    expect(() => door.room.verify(pass, { buyer: 'bob' })).toThrow(
      expect.objectContaining({ code: 'PASS_INVALID' }),
    )
    await door.advance(999)
    expect(door.room.verify(pass, { buyer: 'ann' })).toMatchObject({ expiresAt })
    await door.advance(1)
    const late = expect.objectContaining({ code: 'PASS_EXPIRED', retryable: false })
    expect(() => door.room.verify(pass, { buyer: 'ann' })).toThrow(late)
    expect(() => door.room.verify(pass, { buyer: 'bob' })).toThrow(
      expect.objectContaining({ code: 'PASS_INVALID' }),
    )
  })
})
