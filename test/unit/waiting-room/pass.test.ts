import { createHmac, generateKeyPairSync, sign as rsaSign } from 'node:crypto'
import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { Signer } from '../../../src/waiting-room/pass.js'
import { labelled, thrown } from '../../support/invalid.js'
import {
  answer,
  BODY,
  BOUND,
  base64,
  body,
  CLAIMS,
  HEADER,
  head,
  NOW,
  OTHER,
  opened,
  pass,
  random,
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

  test.each([
    ['as long as a block of SHA-256', 'k'.repeat(64)],
    ['a byte longer', 'k'.repeat(65)],
    ['of many blocks', 'key-'.repeat(100)],
    ['of control characters and DEL', '\u0000\u007f'.repeat(20)],
    ['of two-byte characters', 'ä'.repeat(20)],
    ['of four-byte characters', '🥭'.repeat(12)],
  ])('carries the HMAC of its secret: %s', (_, secret) => {
    const own = new Signer(secret, BOUND)
    const made = own.signPass(CLAIMS)
    const [head, body, signature] = made.split('.')
    const expected = createHmac('sha256', secret).update(`${head}.${body}`).digest('base64url')
    expect(signature).toBe(expected)
    expect(own.readPass(made, NOW)).toEqual(CLAIMS)
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

test("rejects another buyer's pass", () => {
  for (const buyer of ['', 'hush-buyeR', 'hush-buyer ', 'u'])
    expect(answer(() => signer.readPass(pass, NOW, buyer))).toBe('PASS_INVALID')
})

test.each([
  { room: 'room-2', sale: 'sale-1' },
  { room: 'room-1', sale: 'sale-2' },
  { room: 'room-1', sale: null },
  { room: 'sale-1', sale: 'room-1' },
])('rejects a token of room $room and sale $sale', (bound) => {
  const there = new Signer(SECRET, bound)
  for (const token of [there.signTicket(CLAIMS), there.signPass(CLAIMS)]) refused(token)
  for (const token of [ticket, pass]) refused(token, there)
  expect(there.readPass(there.signPass(CLAIMS), NOW)).toEqual(CLAIMS)
})

describe('secrets', () => {
  const kid = (token: string) => opened(token.split('.')[0]!).kid
  const foreign = new Signer(OTHER, BOUND)

  test('a token by another secret is rejected', () => {
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
  test.each(labelled([...short, Buffer.alloc(32)]))('%s is refused as a secret', (_, value) => {
    const error = thrown(() => new Signer(value, BOUND), 'secret') as Error
    if (typeof value === 'string' && value !== '') expect(error.message).not.toContain(value)
    thrown(() => new Signer([SECRET, value], BOUND), 'secret[1]')
    thrown(() => new Signer([value], BOUND), 'secret[0]')
  })

  test('a list that is empty, has a gap, or names a secret twice is refused', () => {
    thrown(() => new Signer([], BOUND), 'secret')
    // biome-ignore lint/suspicious/noSparseArray: that is the point
    thrown(() => new Signer([SECRET, , OTHER], BOUND), 'secret[1]')
    thrown(() => new Signer([SECRET, OTHER, SECRET], BOUND), 'secret[2]')
    expect(new Signer('ü'.repeat(16), BOUND).signTicket(CLAIMS)).toMatch(/^[\w-]+\.[\w-]+\.[\w-]{43}$/)
  })

  test('do not appear in an inspection of the signer', () => {
    expect(inspect(signer, { depth: 10, showHidden: true })).not.toContain(SECRET)
  })
})

describe('rejects a forged header', () => {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 })
  const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString()

  test.each(['none', 'None', 'NONE', 'nOnE', '', null, 0, ['HS256'], undefined])('algorithm %s', (alg) => {
    for (const claims of [BODY, opened(ticket.split('.')[1]!)]) {
      const unsigned = `${base64(JSON.stringify({ ...HEADER, alg }))}.${base64(JSON.stringify(claims))}.`
      for (const end of ['', signature, 'AAAA', '.']) refused(unsigned + end)
      refused(unsigned.slice(0, -1))
      refused(signed({ ...HEADER, alg }, claims))
    }
  })

  test.each(['384', '512'])('HS%s by the right secret', (bits) => {
    refused(signed({ ...HEADER, alg: `HS${bits}` }, BODY, SECRET, `sha${bits}`))
    refused(signed(HEADER, BODY, SECRET, `sha${bits}`))
    refused(signed({ ...HEADER, alg: `HS${bits}` }, BODY))
  })

  test('RS256 where the secret is its public key', () => {
    const careless = new Signer(pem, BOUND)
    const { kid } = opened(careless.signPass(CLAIMS).split('.')[0]!)
    const input = `${base64(JSON.stringify({ ...HEADER, alg: 'RS256', kid }))}.${body}`
    refused(`${input}.${base64(rsaSign('sha256', Buffer.from(input), privateKey))}`, careless)
    refused(signed({ ...HEADER, alg: 'RS256' }, BODY))
    refused(signed(HEADER, BODY, pem))
  })

  test.each(
    labelled([
      ...['00000000', '', null, 1, ['x'], '../../dev/null', "' OR 1=1"].map((kid) => ({ ...HEADER, kid })),
      { alg: 'HS256', typ: 'JWT' },
      { ...HEADER, crit: ['exp'] },
      { ...HEADER, crit: [] },
      { ...HEADER, crit: ['x'], x: 1 },
      { ...HEADER, b64: false, crit: ['b64'] },
      { ...HEADER, b64: false },
      { ...HEADER, jwk: { kty: 'oct', k: base64(OTHER) } },
      { ...HEADER, jku: 'https://example.org/keys' },
      { ...HEADER, zip: 'DEF' },
      JSON.stringify(HEADER).replace('{', '{"alg":"none",'),
      JSON.stringify(HEADER).replace('}', ',"alg":"none"}'),
      JSON.stringify(HEADER).replace('}', ',"alg":"HS256"}'),
      JSON.stringify(HEADER).replace('{', '{ '),
      '{}',
      '[]',
      'null',
      '"HS256"',
      'no JSON',
      '',
    ]),
  )('%s, rightly signed', (_, header) => {
    refused(signed(header, BODY))
    refused(signed(header, opened(ticket.split('.')[1]!)))
  })
})

test.each(
  labelled([
    ...['[]', 'null', '1', '"pass"', 'no JSON', '', '{"use":', `{"__proto__":${JSON.stringify(BODY)}}`],
    [BODY],
    { ...BODY, use: undefined },
    { ...BODY, use: 'PASS' },
    ...[undefined, null, '', 7, ['hush-buyer'], {}].map((sub) => ({ ...BODY, sub })),
    ...[undefined, null, '', ['room-1'], { 0: 'room-1' }].map((aud) => ({ ...BODY, aud })),
    ...[undefined, null, '', ['sale-1']].map((sale) => ({ ...BODY, sale })),
    ...[undefined, null, 0, -1, 1.5, '7', true, 2 ** 53, [7]].map((visitId) => ({ ...BODY, visitId })),
    ...[undefined, null, 0, -1, '1001500', 1e300, NOW + 2_001].map((until) => ({ ...BODY, until })),
    ...[0, -5_000].map((until) => ({ ...BODY, until, exp: until / 1_000 })),
    ...[undefined, null, 1_001, 1_003, '1002', 1e300].map((exp) => ({ ...BODY, exp })),
  ]),
)('rejects claims of another shape with a valid signature: %s', (_, claims) =>
  refused(signed(HEADER, claims)),
)

describe('rejects anything else', () => {
  const junk = [undefined, null, true, 0, NaN, 1n, '', '.', '..', '...', '....', {}, [], [pass]]
  const objects = [Symbol(pass), () => pass, new String(pass), Buffer.from(pass), { toString: () => pass }]
  const trap = new Proxy({}, { get: () => expect.fail('was looked at') })
  test.each(labelled([...junk, ...objects]))('%s', (_, token) => refused(token))
  test('an object with traps', () => expect(answer(() => signer.readTicket(trap))).toBe('TICKET_INVALID'))

  test('cut off anywhere, with or without its dots', () => {
    for (const token of [ticket, pass]) {
      for (let i = 0; i < token.length; i++) refused(token.slice(0, i))
      for (let i = 1; i < token.length; i++) refused(token.slice(i))
    }
    for (const part of [head, body, signature]) for (const dots of ['', '.', '..']) refused(part + dots)
  })

  test('any character changed, and each bit of it', () => {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ \n\0é'
    for (let i = 0; i < pass.length; i++) {
      const [before, at, after] = [pass.slice(0, i), pass.charCodeAt(i), pass.slice(i + 1)]
      const bits = Array.from({ length: 16 }, (_, bit) => String.fromCharCode(at ^ (1 << bit)))
      for (const other of new Set([...alphabet, ...bits]))
        if (
          other !== pass[i] &&
          answer(() => signer.readPass(before + other + after, NOW)) !== 'PASS_INVALID'
        )
          expect.fail(before + other + after)
    }
  })

  test('dots, spaces and padding that are too many, parts that are exchanged', () => {
    for (const more of ['.', ' ', '\n', '\0', '=', '==', 'A', '\u200b', '\ufeff', '.A', `.${signature}`])
      for (const at of [0, head.length, head.length + 1, pass.length - 44, pass.length - 43, pass.length])
        refused(pass.slice(0, at) + more + pass.slice(at))
    refused([head, signature, body].join('.'))
    refused([body, head, signature].join('.'))
    refused([head, body, ticket.split('.')[2]].join('.'))
    refused(`Bearer ${pass}`)
    refused(`${pass} ${pass}`)
    refused(pass.toUpperCase())
  })

  test('unicode and very long ones', () => {
    const texts = ['\ud800', '😀.😀.😀', 'é'.repeat(300), '\ud800.\udc00.A', `${head}.${'💥'.repeat(99)}.A`]
    for (const text of texts) refused(text)
    for (const part of ['A', '.', '[', '😀', `${pass}.`]) refused(part.repeat(10_000_000 / part.length))
    refused(signed(HEADER, { ...BODY, more: 'x'.repeat(10_000) }))
    refused(signed(HEADER, '['.repeat(6_000)))
  })

  test('1,000 random strings, and 1,000 random changes to a good token', () => {
    const next = random(20_240_601)
    const any = () => String.fromCharCode(next(4) === 0 ? next(65_536) : 32 + next(95))
    for (let i = 0; i < 1_000; i++) refused(Array.from({ length: next(300) }, any).join(''))
    for (let i = 0; i < 1_000; i++) {
      let token = next(2) === 0 ? ticket : pass
      for (let changes = 1 + next(3); changes > 0; changes--) {
        const [from, to] = [next(token.length + 1), next(token.length + 1)]
        const part = [any(), '', token.slice(to, to + 5), ticket.slice(to), pass.slice(to)][next(5)]!
        token = token.slice(0, from) + part + token.slice(from + next(3))
      }
      if (token !== ticket && token !== pass) refused(token)
    }
  })
})
