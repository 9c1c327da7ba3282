import { createHmac } from 'node:crypto'
import { inspect } from 'node:util'
import { expect } from 'vitest'
import { StockholdError } from '../../src/index.js'
import { Signer } from '../../src/waiting-room/pass.js'

export const SECRET = 'a secret of at least 32 bytes, one'
export const OTHER = 'a secret of at least 32 bytes, two'
export const BOUND = { room: 'room-1', sale: 'sale-1' }
export const signer = new Signer(SECRET, BOUND)
/** Long ago by the clock of whoever runs this: server time is another. */
export const NOW = 1_000_000
export const CLAIMS = { buyer: 'hush-buyer', visitId: 7, expiresAt: NOW + 1_500 }
export const ticket = signer.signTicket(CLAIMS)
export const pass = signer.signPass(CLAIMS)
export const [head, body, signature] = pass.split('.') as [string, string, string]

export const base64 = (text: string | Buffer) => Buffer.from(text).toString('base64url')
export const opened = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString())
export const HEADER: Record<string, unknown> = opened(head)
export const BODY: Record<string, unknown> = opened(body)

/** Signed by hand, and rightly so: header and claims as they are given, an object or a text. */
export function signed(header: unknown, claims: unknown, key = SECRET, algorithm = 'sha256'): string {
  const text = (part: unknown) => base64(typeof part === 'string' ? part : JSON.stringify(part))
  const input = `${text(header)}.${text(claims)}`
  return `${input}.${createHmac(algorithm, key).update(input).digest('base64url')}`
}

/** The code of the fault, which is a discreet one; `ok` if there is none. */
export function answer(call: () => unknown): string {
  try {
    call()
    return 'ok'
  } catch (error) {
    if (!(error instanceof StockholdError)) throw error
    const known = /^the (ticket is not|pass does not|pass has expired)[a-z ,:]*$/
    if (!known.test(error.message) || 'cause' in error || error.retryable)
      throw new Error('a fault that tells too much', { cause: error })
    return error.code
  }
}

/** Refused as a ticket and as a pass, with the buyer's name and without. */
export function refused(token: unknown, by = signer): void {
  const answers = [
    answer(() => by.readTicket(token)),
    answer(() => by.readPass(token, NOW)),
    answer(() => by.readPass(token, NOW, CLAIMS.buyer)),
  ]
  if (`${answers}` !== 'TICKET_INVALID,PASS_INVALID,PASS_INVALID')
    expect.fail(`${answers}: ${inspect(token)}`)
}

export function random(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}
