import { createHmac } from 'node:crypto'
import { Webhook } from 'standardwebhooks'
import { describe, expect, test } from 'vitest'
import { standardWebhook, stripeWebhook } from '../../../src/http.js'

const payment = { reservationId: 'r-1', paymentId: 'p-1' }
const body = JSON.stringify({ id: 'evt_1', type: 'paid', data: { object: { r: 'r-1', p: 'p-1' } } })
const request = (headers: Record<string, string>, sent = body) =>
  new Request('http://shop.test/payments', { method: 'POST', headers, body: sent })

describe('stripeWebhook', () => {
  const { verify } = stripeWebhook({
    secret: 'whsec_new',
    read: ({ data: { object } }) => ({ reservationId: object.r, paymentId: object.p }),
  })
  const now = Math.floor(Date.now() / 1_000)
  const sign = (secret: string, time: number | string = now) =>
    createHmac('sha256', secret).update(`${time}.${body}`).digest('hex')

  test('takes a signature of its secret, also beside one of another', async () => {
    const signed = [
      `t=${now},v1=${sign('whsec_new')}`,
      `t=${now},v1=${sign('whsec_old')}, v1=${sign('whsec_new')}`,
    ]
    for (const header of signed)
      expect(await verify(request({ 'stripe-signature': header }))).toEqual(payment)
  })

  test.each([
    ['no signature', ''],
    ['nonsense', '=,=,,t'],
    ['another secret', `t=${now},v1=${sign('whsec_old')}`],
    ['another scheme', `t=${now},v0=${sign('whsec_new')}`],
    ['a short signature', `t=${now},v1=${sign('whsec_new').slice(2)}`],
    ['no time', `v1=${sign('whsec_new', '')}`],
    ['a time that is none', `t=now,v1=${sign('whsec_new', 'now')}`],
    ['an old time', `t=${now - 3_600},v1=${sign('whsec_new', now - 3_600)}`],
    ['a time to come', `t=${now + 3_600},v1=${sign('whsec_new', now + 3_600)}`],
  ])('refuses %s', async (_name, header) => {
    await expect(verify(request({ 'stripe-signature': header }))).rejects.toThrow('Stripe-Signature')
  })

  test('refuses another body', async () => {
    const header = `t=${now},v1=${sign('whsec_new')}`
    await expect(verify(request({ 'stripe-signature': header }, `${body} `))).rejects.toThrow(
      'Stripe-Signature',
    )
  })
})

describe('standardWebhook', () => {
  const secret = 'whsec_dGhpcnR5LXR3byBieXRlcyBvZiBhIHNlY3JldA=='
  const { verify } = standardWebhook<{ id: string } | null>({
    secret,
    read: (event) => (event === null ? undefined : payment),
  })
  const headers = (sent: string, at = new Date(), by = secret) => ({
    'webhook-id': 'msg_1',
    'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
    'webhook-signature': new Webhook(by).sign('msg_1', at, sent),
  })

  test('takes what its secret has signed, and passes over what is no payment', async () => {
    expect(await verify(request(headers(body)))).toEqual(payment)
    expect(await verify(request(headers('null'), 'null'))).toBeUndefined()
  })

  test('refuses another body, another secret and an old signature', async () => {
    const old = new Date(Date.now() - 3_600_000)
    for (const wrong of [headers('{}'), headers(body, undefined, 'whsec_dGVzdA=='), headers(body, old), {}])
      await expect(verify(request(wrong as Record<string, string>))).rejects.toThrow()
  })
})

test.each([undefined, {}, { secret: '', read: () => {} }, { secret: 's', read: 'event' }])(
  'refuses %j instead of a secret and a reader',
  (wrong) => {
    for (const make of [stripeWebhook, standardWebhook])
      expect(() => make(wrong as never)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
  },
)
