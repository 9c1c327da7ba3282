import { expect, test } from 'vitest'
import { shuffledRank } from '../../../src/waiting-room/draw.js'
import { Signer } from '../../../src/waiting-room/pass.js'
import { RoomIndex } from '../../../src/waiting-room/room-index.js'
import { TicketCache } from '../../../src/waiting-room/ticket-cache.js'
import { TicketTable } from '../../../src/waiting-room/ticket-table.js'
import { SECRET } from '../../support/waiting-room.js'

/** Counts how often a ticket is looked into. */
class CountingSigner extends Signer {
  read = 0
  constructor() {
    super(SECRET, { room: 'launch', sale: null })
    this.bind('abc123')
  }
  override readTicket(token: unknown) {
    this.read++
    return super.readTicket(token)
  }
}

function crowd() {
  const signer = new CountingSigner()
  const line = new RoomIndex()
  return { signer, line, visitors: new TicketCache(signer, line) }
}

test('a visitor who joined here is known without a look into the ticket', () => {
  const { signer, visitors } = crowd()
  const { ticket } = visitors.place('ann', 3, 3)
  expect(visitors.of(ticket)).toMatchObject({ ticket, number: 3, rank: 3 })
  expect(visitors.claims(visitors.of(ticket))).toEqual({ buyer: 'ann', visitId: 3 })
  expect(signer.read).toBe(0)
})

test('a ticket from elsewhere is looked into once', () => {
  const { signer, visitors } = crowd()
  const ticket = signer.signTicket({ buyer: 'ann', visitId: 9 })
  for (let i = 0; i < 5; i++) expect(visitors.of(ticket)).toMatchObject({ number: 9 })
  expect(visitors.claims(visitors.of(ticket))).toEqual({ buyer: 'ann', visitId: 9 })
  expect(signer.read).toBe(1)
  visitors.forget(ticket)
  visitors.of(ticket)
  expect(signer.read).toBe(2)
})

test('what is no ticket is never remembered, and is no other for a good signature', () => {
  const { signer, visitors } = crowd()
  const { ticket } = visitors.place('ann', 3, 3)
  const [head, body, signature] = ticket.split('.')
  const forged = ['nonsense', '', 'a', `.${ticket}`, `${head}.${body!.slice(0, -1)}A.${signature}`]
  forged.push(`A${ticket.slice(1)}`, signature!, ticket.slice(-7))
  for (let i = 0; i < 3; i++)
    for (const one of [...forged, undefined, 7, {}, [ticket]])
      expect(() => visitors.of(one as string)).toThrow(expect.objectContaining({ code: 'TICKET_INVALID' }))
  expect(signer.read).toBe(3 * (forged.length + 4))
})

test('another place in the same visit: the same ticket and the same visitor, and what was told before is void', () => {
  const { visitors } = crowd()
  const { ticket } = visitors.place('ann', 3, 3)
  visitors.setLastPosition(visitors.of(ticket), 1)
  expect(visitors.place('ann', 3, 3)).toEqual({ ticket, number: 3, rank: 3, lastPosition: 1 })
  const moved = visitors.place('ann', 3, 70)
  expect(moved).toEqual({ ticket, number: 70, rank: 70, lastPosition: undefined })
  expect(visitors.of(ticket)).toEqual(moved)
  visitors.setLastPosition(moved, 2)
  visitors.move(moved, 90)
  expect(visitors.of(ticket)).toEqual({ ticket, number: 90, rank: 90, lastPosition: undefined })
  expect(visitors.claims(moved)).toEqual({ buyer: 'ann', visitId: 3 })
})

test('after the draw every visitor has the rank that was drawn: known before, seen later, or moved behind it', () => {
  const { line, signer, visitors } = crowd()
  const known = Array.from({ length: 40 }, (_, i) => visitors.place(`u${i}`, i + 1, i + 1))
  line.update({ drawn: 50, seed: 'seed', gone: [], tiers: [] })
  for (const { ticket, number } of known)
    expect(visitors.of(ticket).rank).toBe(shuffledRank('seed', 50, number))
  const late = signer.signTicket({ buyer: 'late', visitId: 45 })
  expect(visitors.of(late).rank).toBe(shuffledRank('seed', 50, 45))
  const behind = signer.signTicket({ buyer: 'behind', visitId: 51 })
  expect(visitors.of(behind).rank).toBe(51)
  visitors.move(known[0]!, 60)
  expect(visitors.of(known[0]!.ticket).rank).toBe(60)
})

test('two million visitors and no more: one who has long been silent is known again by the ticket', () => {
  const { signer, visitors } = crowd()
  // Signing is not what this is about, and takes long.
  let tickets = 0
  signer.signTicket = () => `ticket ${++tickets}`
  signer.readTicket = (ticket) => {
    signer.read++
    const visitId = Number(String(ticket).slice(7))
    return { buyer: `u${visitId}`, visitId }
  }
  const half = 1 << 20
  for (let i = 1; i < 2 * half; i++) visitors.place(`u${i}`, i, i)
  expect(visitors.of('ticket 11').number).toBe(11)
  expect(signer.read).toBe(0)
  for (let i = 2 * half; i <= 2 * half + 10; i++) visitors.place(`u${i}`, i, i)
  expect(visitors.of('ticket 11').number).toBe(11)
  expect(visitors.of(`ticket ${half + 10}`).number).toBe(half + 10)
  expect(signer.read).toBe(0)
  expect(visitors.of('ticket 10')).toMatchObject({ number: 10 })
  expect(signer.read).toBe(1)
})

test('before the room was seen a ticket is looked into each time: it may be of an incarnation that is gone', () => {
  const signer = new Signer(SECRET, { room: 'launch', sale: null })
  const visitors = new TicketCache(signer, new RoomIndex())
  const old = signer.signTicket({ buyer: 'ann', visitId: 9 })
  expect(visitors.of(old)).toMatchObject({ number: 9 })
  signer.bind('abc123')
  expect(() => visitors.of(old)).toThrow(expect.objectContaining({ code: 'TICKET_INVALID' }))
  const ticket = signer.signTicket({ buyer: 'ann', visitId: 9 })
  const pass = signer.signPass({ buyer: 'ann', visitId: 9, expiresAt: 2_000 })
  expect(visitors.of(ticket)).toMatchObject({ number: 9 })
  const anew = new Signer(SECRET, { room: 'launch', sale: null })
  anew.bind('xyz789')
  expect(() => anew.readTicket(ticket)).toThrow(expect.objectContaining({ code: 'TICKET_INVALID' }))
  expect(() => anew.readPass(pass, 1_000, 'ann')).toThrow(expect.objectContaining({ code: 'PASS_INVALID' }))
})

test('a visitor in the first slot of the table is known like any other', () => {
  const { signer, visitors } = crowd()
  const slotOf = (visitId: number) =>
    new TicketTable().add(signer.signTicket({ buyer: 'ann', visitId }), visitId, visitId, 0)
  let visitId = 1
  while (slotOf(visitId) !== 0) visitId++
  const { ticket } = visitors.place('ann', visitId, visitId)
  visitors.setLastPosition(visitors.of(ticket), 5)
  expect(visitors.of(ticket)).toMatchObject({ number: visitId, lastPosition: 5 })
  expect(visitors.place('ann', visitId, visitId + 1)).toMatchObject({
    number: visitId + 1,
    lastPosition: undefined,
  })
  expect([visitors.of(ticket).number, signer.read]).toEqual([visitId + 1, 0])
  visitors.forget(ticket)
  visitors.of(ticket)
  expect(signer.read).toBe(1)
})
