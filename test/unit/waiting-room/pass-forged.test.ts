import { generateKeyPairSync, sign as rsaSign } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { Signer } from '../../../src/waiting-room/pass.js'
import { labelled } from '../../support/invalid.js'
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

describe('a forged header', () => {
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
)('claims that are not ours, though rightly signed: %s', (_, claims) => refused(signed(HEADER, claims)))

describe('anything else', () => {
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
