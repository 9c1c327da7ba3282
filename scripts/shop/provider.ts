import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { Webhook } from 'standardwebhooks'

/** Ways in which a buyer pays at this provider. */
export const ways = ['now', 'late', 'twice', 'never'] as const

export interface Payment {
  readonly id: string
  readonly reservation: string
  givenBack: boolean
}

/**
 * Stands for a payment provider, which the shop does not control: it pays late, twice or never, and
 * reports each payment by a signed webhook until the shop has answered.
 */
export class FakeProvider {
  readonly payments = new Map<string, Payment>()
  readonly #webhook: string
  readonly #signer: Webhook
  readonly #late: (signal: AbortSignal) => Promise<unknown>
  readonly #over = new AbortController()

  /** @param late Resolves when a payment is too late. */
  constructor(webhook: string, secret: string, late: (signal: AbortSignal) => Promise<unknown>) {
    this.#webhook = webhook
    this.#signer = new Webhook(secret)
    this.#late = late
  }

  /** Resolves when the shop has been told, or at once if it is told later or never. */
  async pay(reservation: string, way: (typeof ways)[number]): Promise<void> {
    if (way === 'now') await this.#charge(reservation)
    if (way === 'twice') await Promise.all([this.#charge(reservation), this.#charge(reservation)])
    if (way !== 'late') return
    this.#late(this.#over.signal).then(
      () => this.#charge(reservation),
      () => {},
    )
  }

  giveBack(payment: string | undefined): void {
    const known = this.payments.get(payment ?? '')
    if (known) known.givenBack = true
  }

  close(): void {
    this.#over.abort()
  }

  async #charge(reservation: string): Promise<void> {
    const payment = { id: `pay_${randomUUID()}`, reservation, givenBack: false }
    this.payments.set(payment.id, payment)
    const body = JSON.stringify({ type: 'payment.succeeded', data: { reservation, payment: payment.id } })
    const { signal } = this.#over
    for (let tries = 0; !signal.aborted; tries++) {
      const at = new Date()
      const headers = {
        'webhook-id': `msg_${payment.id}`,
        'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
        'webhook-signature': this.#signer.sign(`msg_${payment.id}`, at, body),
      }
      const told = await fetch(this.#webhook, { method: 'POST', headers, body, signal }).catch(
        () => undefined,
      )
      if (told?.ok) return
      await delay(Math.min(60_000, 500 * 2 ** tries), undefined, { signal }).catch(() => {})
    }
  }
}
