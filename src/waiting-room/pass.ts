import { createHash, createHmac } from 'node:crypto'
import { createSigner, createVerifier } from 'fast-jwt'
import { invalid, StockholdError } from '../errors.js'

/*
 * Tickets and passes are JSON Web Tokens signed with HMAC-SHA-256 (JWS compact serialisation,
 * HS256).
 *
 * A pass is signed with the secret itself, so another service can verify it with any JWT library:
 * the algorithm HS256, the secret that `kid` (a fingerprint) stands for, its own clock for `exp`,
 * `aud` the room, `sub` the buyer. Its header is `{ alg: 'HS256', typ: 'JWT', kid }`.
 *
 * A ticket is for this library only, and comes with every poll, so it is short. It is signed with a
 * key of its own for each room and sale, `base64url(HMAC-SHA-256(secret,
 * JSON.stringify(['stockhold:ticket', room, sale])))`, with `sale` `null` in a room without one: of
 * another room, or as a pass, no service can take it, whatever it looks at. Its header is
 * `{ alg: 'HS256', kid }`, `kid` being the fingerprint of that key.
 *
 * | claim  | in a ticket   | in a pass                                                             |
 * | ------ | ------------- | --------------------------------------------------------------------- |
 * | `use`  |               | `'pass'`                                                              |
 * | `b`    | the buyer     |                                                                       |
 * | `sub`  |               | the buyer                                                             |
 * | `aud`  |               | the room's id                                                         |
 * | `sale` |               | the sale's id, absent in a room without one                           |
 * | `visitId` | the number of the buyer's first place | the same                                      |
 * | `of`   | the room's incarnation: one that was lost and made anew is another room     | the same      |
 * | `exp`  |               | when it expires, in whole seconds since 1970, rounded up               |
 * | `until`|               | the same to the ms: that is what counts                               |
 */

/** What a ticket says, as the room has signed it. */
export interface TicketClaims {
  readonly buyer: string
  /** The number of the buyer's first place in the room. */
  readonly visitId: number
}

/** What a pass says, as the room has signed it. */
export interface PassClaims extends TicketClaims {
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
 * Longer than any token of ours: three ids of 256 bytes, each byte a control character (6 bytes in
 * JSON), in base64 with everything else are 6,500. Whatever is longer is not looked at.
 */
const MAX_LENGTH = 8_192
/**
 * The 43rd character of 32 bytes in base64url has 2 bits to spare. They have to be 0, or one token
 * could be written in four ways.
 */
const CANONICAL_END = /[AEIMQUYcgkosw048]$/

// Fixed messages: nothing of what was sent, nor of why it was refused, is told to whoever tries.
const NO_TICKET = 'the ticket is not one of this waiting room: join it again to get one'
const NO_PASS = 'the pass does not admit this buyer here: join the waiting room, and send the pass it gives'
const LATE_PASS = 'the pass has expired: join the waiting room again'

/**
 * Signs and verifies the tickets and passes of one room. Nothing is asked of Redis, and no clock
 * but the one given.
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
   * The room has been seen: tokens of another incarnation of it are none of its own from now on.
   */
  bind(incarnation: string): void {
    this.#incarnation = incarnation
  }

  get isBound(): boolean {
    return this.#incarnation !== undefined
  }

  signTicket({ buyer, visitId }: TicketClaims): string {
    return this.#tickets.sign({
      b: buyer,
      of: this.#incarnation,
      visitId,
      // fast-jwt adds these three to a copy of the claims. If they are there already, even
      // undefined and so left out of the token, V8 copies an object of one shape, and a token costs
      // a third less.
      iat: undefined,
      exp: undefined,
      nbf: undefined,
    })
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
      iat: undefined,
      exp: Math.ceil(expiresAt / 1_000),
      nbf: undefined,
    })
  }

  /** Throws TICKET_INVALID for anything but a ticket of this room, whatever it is. */
  readTicket(token: unknown): TicketClaims {
    const claims = this.#tickets.verified(token)
    if (claims === null || this.#isOfAnother(claims) || !isBuyer(claims.b) || !isVisitId(claims.visitId))
      throw new StockholdError('TICKET_INVALID', NO_TICKET)
    return { buyer: claims.b, visitId: claims.visitId }
  }

  /** The claims of a ticket that was signed or read here before: it is not verified again. */
  openTicket(ticket: string): TicketClaims {
    const claims = ticket.slice(ticket.indexOf('.') + 1, ticket.lastIndexOf('.'))
    const { b, visitId } = JSON.parse(Buffer.from(claims, 'base64url').toString())
    return { buyer: b, visitId }
  }

  /**
   * Throws PASS_EXPIRED for a pass of this room that is past its time at `now` (server time),
   * PASS_INVALID for anything else but a valid one. With `buyer`, anybody else's is PASS_INVALID.
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
    // In this order a `now` that is no number admits nobody.
    if (!(now < claims.until)) throw new StockholdError('PASS_EXPIRED', LATE_PASS)
    return { buyer: claims.sub, visitId: claims.visitId, expiresAt: claims.until }
  }

  #isOfAnother({ of }: Record<string, unknown>): boolean {
    return this.#incarnation !== undefined && of !== this.#incarnation
  }
}

/** Signs with the first of its keys, and verifies what any of them has signed. */
class Keyring {
  readonly sign: (claims: object) => string
  /** By the token's whole first part, from which the key follows. */
  readonly #verifiers = new Map<string, (token: string) => unknown>()

  constructor(keys: readonly string[], typ: 'JWT' | undefined) {
    // fast-jwt writes a `typ` unless it is told that there is none.
    const header = { alg: ALGORITHM, typ } as { alg: string; typ: string }
    const signers = keys.map((key) => {
      // Without `noTimestamp` there would be an `iat` by the application's clock.
      const sign = createSigner({
        key,
        algorithm: ALGORITHM,
        kid: fingerprint(key),
        noTimestamp: true,
        header,
      })
      // The clock of the application has no say: `exp` is for others, and what expires is judged in
      // `readPass`. HMACs are compared with `timingSafeEqual`.
      const verify = createVerifier({
        key,
        algorithms: [ALGORITHM],
        ignoreExpiration: true,
        ignoreNotBefore: true,
        cache: false,
      })
      this.#verifiers.set(headerOf(sign({})), verify)
      return sign
    })
    this.sign = signers[0]!
  }

  /** The claims of a token that one of the keys signed, whatever they say, or `null`. */
  verified(token: unknown): Record<string, unknown> | null {
    if (typeof token !== 'string' || token.length > MAX_LENGTH || !CANONICAL_END.test(token)) return null
    // The header is one of ours to the last byte, or the token is not: no algorithm, key or
    // extension is taken from it.
    const verify = this.#verifiers.get(headerOf(token))
    if (verify === undefined) return null
    try {
      return verify(token) as Record<string, unknown>
    } catch {
      // What fast-jwt throws has parts of the token in it, and goes no further.
      return null
    }
  }
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

/** Tells which secret signed, and not what it is. Public: it stands in every token. */
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
  // Secrets that differ in lone surrogates only would be one and the same key.
  if (!value.isWellFormed()) throw invalid(argument, 'must be well-formed Unicode: it has a lone surrogate')
  if (Buffer.byteLength(value) < MIN_SECRET_BYTES) {
    throw invalid(argument, `must have at least ${MIN_SECRET_BYTES} bytes of UTF-8`)
  }
  return value
}
