import { createHmac } from 'node:crypto'
import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { Signer } from '../../../src/waiting-room/pass.js'
import { labelled, thrown } from '../../support/invalid.js'
import {
  answer,
  BODY,
  BOUND,
  body,
  CLAIMS,
  HEADER,
  head,
  NOW,
  OTHER,
  opened,
  pass,
  refused,
  SECRET,
  signature,
  signed,
  signer,
  ticket,
} from '../../support/tokens.js'

describe('a good token', () => {
  test('gives back what was signed, and is short', () => {
    expect(signer.readTicket(ticket)).toEqual({ buyer: CLAIMS.buyer, visitId: 7 })
    expect(signer.readPass(pass, NOW)).toEqual(CLAIMS)
    expect(signer.readPass(pass, NOW, CLAIMS.buyer)).toEqual(CLAIMS)
    expect(ticket.length).toBeLessThan(150)
    expect(pass.length).toBeLessThan(280)
    expect(signer.signTicket(CLAIMS)).toBe(ticket)
  })

  test('has the documented header and claims', () => {
    expect(HEADER).toEqual({ alg: 'HS256', typ: 'JWT', kid: expect.stringMatching(/^[\w-]{8}$/) })
    expect(BODY).toEqual({
      ...{ use: 'pass', sub: CLAIMS.buyer, aud: 'room-1', sale: 'sale-1', visitId: 7 },
      ...{ until: NOW + 1_500, exp: 1_002 },
    })
    const [ticketHead, ticketBody] = ticket.split('.') as [string, string]
    expect(opened(ticketHead)).toEqual({ alg: 'HS256', kid: expect.stringMatching(/^[\w-]{8}$/) })
    expect(opened(ticketBody)).toEqual({ b: CLAIMS.buyer, visitId: 7 })
    expect(signer.openTicket(ticket)).toEqual(signer.readTicket(ticket))
  })

  test('can be verified, and made, with nothing but an HMAC', () => {
    expect(createHmac('sha256', SECRET).update(`${head}.${body}`).digest('base64url')).toBe(signature)
    expect(signed(HEADER, BODY)).toBe(pass)
    const [ticketHead, ticketBody] = ticket.split('.') as [string, string]
    const key = createHmac('sha256', SECRET)
      .update('["stockhold:ticket","room-1","sale-1"]')
      .digest('base64url')
    expect(signed(opened(ticketHead), opened(ticketBody), key)).toBe(ticket)
  })

  test('may carry the longest ids there are', () => {
    const longest = ['\u0001'.repeat(256), '😀'.repeat(64), '"'.repeat(256)] as const
    for (const id of longest) {
      const wide = new Signer(SECRET, { room: id, sale: id })
      const claims = { buyer: id, visitId: Number.MAX_SAFE_INTEGER, expiresAt: 8_640_000_000_000_000 }
      expect(wide.readTicket(wide.signTicket(claims))).toMatchObject({ buyer: id })
      expect(wide.readPass(wide.signPass(claims), NOW, id)).toEqual(claims)
    }
  })
})

describe('time', () => {
  test('a pass expires at its very ms, by the time that is given', () => {
    expect(signer.readPass(pass, NOW + 1_499)).toEqual(CLAIMS)
    for (const now of [NOW + 1_500, NOW + 1_501, 2 ** 50, Infinity, NaN])
      expect(answer(() => signer.readPass(pass, now, CLAIMS.buyer))).toBe('PASS_EXPIRED')
    // Far ahead of the clock of whoever runs this, and expired all the same.
    const later = signer.signPass({ ...CLAIMS, expiresAt: 4_102_444_800_000 })
    expect(answer(() => signer.readPass(later, 4_102_444_800_000))).toBe('PASS_EXPIRED')
  })

  test('the wrong pass is wrong, expired or not', () => {
    expect(answer(() => signer.readPass(pass, NOW * 2, 'somebody else'))).toBe('PASS_INVALID')
    expect(answer(() => signer.readPass(`${pass.slice(0, -1)}_`, NOW * 2))).toBe('PASS_INVALID')
    const elsewhere = new Signer(SECRET, { room: 'room-2', sale: 'sale-1' })
    expect(answer(() => elsewhere.readPass(pass, NOW * 2))).toBe('PASS_INVALID')
  })
})

test('a ticket is no pass, and a pass no ticket', () => {
  expect(answer(() => signer.readPass(ticket, NOW))).toBe('PASS_INVALID')
  expect(answer(() => signer.readTicket(pass))).toBe('TICKET_INVALID')
  // Not even with the claims of both.
  const both = { ...opened(ticket.split('.')[1]!), ...BODY }
  expect(answer(() => signer.readTicket(signed(HEADER, both)))).toBe('TICKET_INVALID')
  const ticketHeader = opened(ticket.split('.')[0]!)
  expect(answer(() => signer.readTicket(signed(ticketHeader, both)))).toBe('TICKET_INVALID')
  const turned = signed(HEADER, { ...both, use: 'ticket' })
  expect(answer(() => signer.readPass(turned, NOW))).toBe('PASS_INVALID')
})

test("another buyer's pass", () => {
  for (const buyer of ['', 'hush-buyeR', 'hush-buyer ', 'u'])
    expect(answer(() => signer.readPass(pass, NOW, buyer))).toBe('PASS_INVALID')
})

test.each([
  { room: 'room-2', sale: 'sale-1' },
  { room: 'room-1', sale: 'sale-2' },
  { room: 'room-1', sale: null },
  { room: 'sale-1', sale: 'room-1' },
])('a token of room $room and sale $sale', (bound) => {
  const there = new Signer(SECRET, bound)
  for (const token of [there.signTicket(CLAIMS), there.signPass(CLAIMS)]) refused(token)
  for (const token of [ticket, pass]) refused(token, there)
  expect(there.readPass(there.signPass(CLAIMS), NOW)).toEqual(CLAIMS)
})

describe('secrets', () => {
  const kid = (token: string) => opened(token.split('.')[0]!).kid
  const foreign = new Signer(OTHER, BOUND)

  test('another one', () => {
    expect(kid(foreign.signPass(CLAIMS))).not.toBe(HEADER.kid)
    for (const token of [foreign.signTicket(CLAIMS), foreign.signPass(CLAIMS)]) refused(token)
    // Under the name of ours.
    refused(signed(HEADER, BODY, OTHER))
    refused(signed(HEADER, BODY, `${SECRET} `))
  })

  test('the old one verifies while it is in the list, and the first one signs', () => {
    const both = new Signer([OTHER, SECRET], BOUND)
    expect(both.readPass(pass, NOW)).toEqual(CLAIMS)
    expect(both.readTicket(ticket)).toMatchObject({ visitId: 7 })
    expect(both.signPass(CLAIMS)).toBe(foreign.signPass(CLAIMS))
    expect(both.readPass(both.signPass(CLAIMS), NOW)).toEqual(CLAIMS)
    for (const token of [ticket, pass]) refused(token, foreign)
    // One secret of the list under the name of the other.
    refused(signed(HEADER, BODY, OTHER), both)
    refused(signed(opened(foreign.signPass(CLAIMS).split('.')[0]!), BODY, SECRET), both)
  })

  const short = ['', 'x'.repeat(31), 'ü'.repeat(15), `${'x'.repeat(40)}\ud800`, null, undefined, 1, {}]
  test.each(labelled([...short, Buffer.alloc(32)]))('%s is none', (_, value) => {
    const error = thrown(() => new Signer(value, BOUND), 'secret') as Error
    if (typeof value === 'string' && value !== '') expect(error.message).not.toContain(value)
    thrown(() => new Signer([SECRET, value], BOUND), 'secret[1]')
    thrown(() => new Signer([value], BOUND), 'secret[0]')
  })

  test('an empty list, a gap in it, and one secret twice', () => {
    thrown(() => new Signer([], BOUND), 'secret')
    // biome-ignore lint/suspicious/noSparseArray: that is the point
    thrown(() => new Signer([SECRET, , OTHER], BOUND), 'secret[1]')
    thrown(() => new Signer([SECRET, OTHER, SECRET], BOUND), 'secret[2]')
    expect(new Signer('ü'.repeat(16), BOUND).signTicket(CLAIMS)).toMatch(/^[\w-]+\.[\w-]+\.[\w-]{43}$/)
  })

  test('are not shown by the signer', () => {
    expect(inspect(signer, { depth: 10, showHidden: true })).not.toContain(SECRET)
  })
})
