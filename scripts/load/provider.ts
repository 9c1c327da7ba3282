import { createHmac } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { Webhook as StandardWebhook } from 'standardwebhooks'
import type { Answer } from '../../src/client/answers.js'
import { Caller } from '../../src/client/caller.js'
import type { Page } from '../../src/client/page.js'
import type { Webhook } from './options.js'

/**
 * Reports a payment; resolves with what the shop answers, however often it must be asked. A shop
 * that fails each time is given up: its last answer is `INTERNAL`.
 */
export type Report = (reservation: string, payment: string, signal: AbortSignal) => Promise<Answer<'pay'>>

const tuning = {
  /** How often a payment is reported that the shop answers with an internal error. */
  reports: 3,
  /** Before the second report, in ms; before each further one twice as long. */
  againMs: 500,
}

/** The payment provider: it signs as the shop expects it, and reports until it is answered. */
export function provider(url: string, { scheme, secret }: Webhook, page: Page): Report {
  const signed = scheme === 'stripe' ? stripe(secret) : standard(secret)
  return async (reservation, payment, signal) => {
    const { body, headers } = signed(reservation, payment)
    // A signature is of its time: each report has one of its own.
    const caller = new Caller(page, { url, headers })
    for (let reports = 1; ; reports++) {
      const answer = await caller.call<'pay'>('POST', '/payments', { body, signal })
      if (answer.code !== 'INTERNAL' || reports === tuning.reports) return answer
      await delay(tuning.againMs * 2 ** (reports - 1), undefined, { signal })
    }
  }
}

function standard(secret: string) {
  const webhook = new StandardWebhook(secret)
  return (reservation: string, payment: string) => {
    const body = { type: 'payment.succeeded', data: { reservation, payment } }
    const headers = () => {
      const at = new Date()
      return {
        'webhook-id': `msg_${payment}`,
        'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
        'webhook-signature': webhook.sign(`msg_${payment}`, at, JSON.stringify(body)),
      }
    }
    return { body, headers }
  }
}

function stripe(secret: string) {
  return (reservation: string, payment: string) => {
    const object = { client_reference_id: reservation, payment_intent: payment, payment_status: 'paid' }
    const body = { type: 'checkout.session.completed', data: { object } }
    const headers = () => {
      const at = Math.floor(Date.now() / 1_000)
      const v1 = createHmac('sha256', secret)
        .update(`${at}.${JSON.stringify(body)}`)
        .digest('hex')
      return { 'stripe-signature': `t=${at},v1=${v1}` }
    }
    return { body, headers }
  }
}
