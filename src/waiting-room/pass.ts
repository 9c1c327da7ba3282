import { createHash, createHmac, hash } from 'node:crypto'
import { createVerifier } from 'fast-jwt'
import { invalid, StockholdError } from '../errors.js'

/*
 * Tickets and passes are JSON Web Tokens signed with HMAC-SHA-256 (JWS compact serialisation,
 * HS256).
 *
 * A pass is signed with the secret itself, so another service can verify it with any JWT library:
 * the algorithm HS256, the secret that `kid` (a fingerprint) stands for, its own clock for `exp`,
 * `aud` the room, `sub` the buyer. Its header is `{ alg: 'HS256', typ: 'JWT', kid }`.
 *
 * A ticket is for this library only. Every poll carries it, so it is short. It is signed with a key
 * of its own for each room and sale, `base64url(HMAC-SHA-256(secret,
 * JSON.stringify(['stockhold:ticket', room, sale])))`, with `sale` `null` in a room without one.
 * Therefore no service can accept it for another room or as a pass, whichever claims it checks. Its
 * header is `{ alg: 'HS256', kid }`, `kid` being the fingerprint of that key.
 *
 * | claim  | in a ticket   | in a pass                                                             |
 * | ------ | ------------- | --------------------------------------------------------------------- |
 * | `use`  |               | `'pass'`                                                              |
 * | `b`    | the buyer     |                                                                       |
 * | `sub`  |               | the buyer                                                             |
 * | `aud`  |               | the room's id                                                         |
 * | `sale` |               | the sale's id, absent in a room without one                           |
 * | `visitId` | the number the buyer got at first    | the same                                      |
 * | `n`    | the number in the queue, if that is another |                                           |
 * | `of`   | the room's incarnation: a room that was lost and created again has another | the same      |
 * | `exp`  |               | when it expires, in whole seconds since 1970, rounded up               |
 * | `until`|               | the same to the ms: this one is checked                               |
 */

/** The claims of a ticket. */
export interface TicketClaims {
  readonly buyer: string
  /** The number that the buyer got when they first joined. */
  readonly visitId: number
  /** The number that the buyer had in the queue, if the ticket tells it. */
  readonly number?: number | undefined
}

/** The claims of a pass. */
export interface PassClaims {
  readonly buyer: string
  /** As in a ticket. */
  readonly visitId: number
  /** By the server's clock, in epoch ms. From then on the pass has expired. */
  readonly expiresAt: number
}

export interface Bound {
  readonly room: string
  readonly sale: string | null
}

const ALGORITHM = 'HS256'
const MIN_SECRET_BYTES = 32
/**
 * Longer than any ticket or pass: three ids of 256 bytes, each byte a control character (6 bytes in
 * JSON), with everything else in base64 take 6,500. A longer text is refused unread.
 */
const MAX_LENGTH = 8_192
/**
 * The 43rd character of 32 bytes in base64url has 2 spare bits. They must be 0, or one ticket could
 * be written in four ways.
 */
const CANONICAL_END = /[AEIMQUYcgkosw048]$/

// Fixed messages: the caller learns neither what was sent nor why it was refused.
const NO_TICKET = 'the ticket is not one of this waiting room: join it again to get one'
const NO_PASS = 'the pass does not admit this buyer here: join the waiting room, and send the pass it gives'
const LATE_PASS = 'the pass has expired: join the waiting room again'

/**
 * Signs and verifies the tickets and passes of one room, without a call to Redis and without
 * reading a clock: the caller passes the time.
 */
export class Signer {
  readonly #room: string
  readonly #sale: string | undefined
  #incarnation: string | undefined
  readonly #tickets: Keyring
  readonly #passes: Keyring

  /** `secret`: one, or a list of which the first signs and each verifies. */
  constructor(secret: unknown, { room, sale }: Bound) {
    this.#room = room
    this.#sale = sale ?? undefined
    const secrets = checkSecrets(secret)
    const purpose = JSON.stringify(['stockhold:ticket', room, sale])
    const ticketKeys = secrets.map((one) => createHmac('sha256', one).update(purpose).digest('base64url'))
    this.#tickets = new Keyring(ticketKeys, undefined)
    this.#passes = new Keyring(secrets, 'JWT')
  }

  /**
   * Called when the room has been read: tickets and passes of another incarnation are refused from
   * now on.
   */
  bind(incarnation: string): void {
    this.#incarnation = incarnation
  }

  get isBound(): boolean {
    return this.#incarnation !== undefined
  }

  signTicket({ buyer, visitId, number }: TicketClaims): string {
    const n = number !== visitId ? number : undefined
    return this.#tickets.sign({ b: buyer, of: this.#incarnation, visitId, n })
  }

  signPass({ buyer, visitId, expiresAt }: PassClaims): string {
    return this.#passes.sign({
      use: 'pass',
      sub: buyer,
      aud: this.#room,
      sale: this.#sale,
      of: this.#incarnation,
      visitId,
      until: expiresAt,
      exp: Math.ceil(expiresAt / 1_000),
    })
  }

  /** Throws TICKET_INVALID unless `token` is a ticket of this room; `token` may be any value. */
  readTicket(token: unknown): TicketClaims {
    const claims = this.#tickets.verified(token)
    if (claims === null || this.#isOfAnother(claims) || !isBuyer(claims.b) || !isVisitId(claims.visitId))
      throw new StockholdError('TICKET_INVALID', NO_TICKET)
    const { b, visitId, n } = claims
    return { buyer: b, visitId, ...(isVisitId(n) ? { number: n } : {}) }
  }

  /**
   * The claims of a ticket that this signer has signed or read before. It is not verified again.
   */
  openTicket(ticket: string): TicketClaims {
    const claims = ticket.slice(ticket.indexOf('.') + 1, ticket.lastIndexOf('.'))
    const { b, visitId, n } = JSON.parse(Buffer.from(claims, 'base64url').toString())
    return { buyer: b, visitId, ...(n === undefined ? {} : { number: n }) }
  }

  /**
   * Throws PASS_EXPIRED for a pass of this room that has expired at `now` (server time), and
   * PASS_INVALID for anything else that is not a valid pass. With `buyer`, a pass of another buyer
   * is PASS_INVALID.
   */
  readPass(token: unknown, now: number, buyer?: string): PassClaims {
    const claims = this.#passes.verified(token)
    if (
      claims === null ||
      claims.use !== 'pass' ||
      claims.aud !== this.#room ||
      claims.sale !== this.#sale ||
      this.#isOfAnother(claims) ||
      !isBuyer(claims.sub) ||
      (buyer !== undefined && claims.sub !== buyer) ||
      !isVisitId(claims.visitId) ||
      !isTime(claims.until) ||
      claims.exp !== Math.ceil(claims.until / 1_000)
    ) {
      throw new StockholdError('PASS_INVALID', NO_PASS)
    }
    // Compared this way round, a `now` that is NaN admits no buyer.
    if (!(now < claims.until)) throw new StockholdError('PASS_EXPIRED', LATE_PASS)
    return { buyer: claims.sub, visitId: claims.visitId, expiresAt: claims.until }
  }

  #isOfAnother({ of }: Record<string, unknown>): boolean {
    return this.#incarnation !== undefined && of !== this.#incarnation
  }
}

/** Whether a value has the form of a ticket or a pass, signed by anyone. */
export function isJwt(value: unknown): boolean {
  return typeof value === 'string' && value.length <= MAX_LENGTH && /^[\w-]+\.[\w-]+\.[\w-]+$/.test(value)
}

/** Signs with the first of its keys, and verifies the signatures of all of them. */
class Keyring {
  readonly sign: (claims: object) => string
  /** By the header of the token, which identifies the key. */
  readonly #verifiers = new Map<string, (token: string) => unknown>()

  constructor(keys: readonly string[], typ: 'JWT' | undefined) {
    const signers = keys.map((key) => {
      // fast-jwt would take three times as long: each visitor who joins gets a signature.
      const header = encoded({ alg: ALGORITHM, typ, kid: fingerprint(key) })
      const hmac = hmacWith(key)
      const sign = (claims: object) => {
        const signed = `${header}.${encoded(claims)}`
        return `${signed}.${hmac(signed)}`
      }
      // The application's clock decides nothing: `exp` is for other services, and `readPass`
      // decides what has expired. HMACs are compared with `timingSafeEqual`.
      const verify = createVerifier({
        key,
        algorithms: [ALGORITHM],
        ignoreExpiration: true,
        ignoreNotBefore: true,
        cache: false,
      })
      this.#verifiers.set(header, verify)
      return sign
    })
    this.sign = signers[0]!
  }

  /** The claims of a token that one of the keys has signed, with any content, or `null`. */
  verified(token: unknown): Record<string, unknown> | null {
    if (typeof token !== 'string' || token.length > MAX_LENGTH || !CANONICAL_END.test(token)) return null
    // The header must equal one of ours to the last byte. No algorithm, key or extension is taken
    // from the token.
    const verify = this.#verifiers.get(headerOf(token))
    if (verify === undefined) return null
    try {
      return verify(token) as Record<string, unknown>
    } catch {
      // The errors of fast-jwt contain parts of the token, so they are not passed on.
      return null
    }
  }
}

/** Bytes of a block of SHA-256, and of its hash. */
const BLOCK = 64
const HASH = 32

/**
 * HMAC-SHA-256 in base64url, of texts of ASCII: https://www.rfc-editor.org/rfc/rfc2104#section-2.
 * `createHmac` makes an object for each, and takes twice as long as the two hashes. It is taken for
 * keys that are longer than a block, and for those that are not ASCII, as a text would change them.
 */
function hmacWith(key: string): (text: string) => string {
  const bytes = Buffer.from(key)
  if (bytes.length > BLOCK || bytes.some((byte) => byte > 127))
    return (text) => createHmac('sha256', bytes).update(text).digest('base64url')
  const padded = Buffer.concat([bytes], BLOCK)
  const inner = Buffer.from(padded.map((byte) => byte ^ 0x36)).toString('binary')
  const outer = Buffer.concat([padded.map((byte) => byte ^ 0x5c)], BLOCK + HASH)
  return (text) => {
    outer.write(hash('sha256', inner + text, 'binary'), BLOCK, 'binary')
    return hash('sha256', outer, 'base64url')
  }
}

/** Has room for the claims of the longest ticket or pass. */
const scratch = Buffer.allocUnsafe(MAX_LENGTH)

function encoded(value: object): string {
  // A buffer for each would cost more than the text.
  return scratch.toString('base64url', 0, scratch.write(JSON.stringify(value)))
}

function headerOf(token: string): string {
  return token.slice(0, token.indexOf('.'))
}

function isBuyer(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

function isVisitId(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 1
}

function isTime(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0
}

/** Identifies the secret without revealing it. Public: every ticket and pass contains it. */
function fingerprint(secret: string): string {
  return createHash('sha256').update('stockhold:kid:').update(secret).digest('base64url').slice(0, 8)
}

function checkSecrets(value: unknown): string[] {
  if (!Array.isArray(value)) return [checkSecret(value, 'secret')]
  const given = Array.from(value as unknown[])
  if (given.length === 0) throw invalid('secret', 'must hold at least one secret')
  const secrets = given.map((one, i) => checkSecret(one, `secret[${i}]`))
  secrets.forEach((one, i) => {
    if (secrets.indexOf(one) < i) throw invalid(`secret[${i}]`, 'must not be given twice')
  })
  return secrets
}

function checkSecret(value: unknown, argument: string): string {
  if (typeof value !== 'string') throw invalid(argument, 'must be a string')
  // Secrets that differ only in lone surrogates would be the same key.
  if (!value.isWellFormed()) throw invalid(argument, 'must be well-formed Unicode: it has a lone surrogate')
  const bytes = Buffer.byteLength(value)
  if (bytes < MIN_SECRET_BYTES) {
    const advice = bytes === 0 ? 'is its variable set?' : 'take a longer one.'
    throw invalid(
      argument,
      `must have at least ${MIN_SECRET_BYTES} bytes of UTF-8, not ${bytes}: ${advice} ` +
        '`openssl rand -base64 32` makes one, the same for every process',
    )
  }
  return value
}
