/**
 * Reservation ids: 19 URL-safe characters that contain the location of the reservation.
 *
 *     1       2            8              8
 *     layout  partition    bucket         nonce
 *
 * The bucket is a hash of the buyer (see `sale/partitions.ts`), so an id reveals no buyer and no
 * order count; the nonce is random, so an id cannot be guessed. Characters are base64url digits of
 * six bits.
 */
const LAYOUT = '1'
const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const shape = /^1[\w-]{18}$/

/** Length of the bucket and of the nonce in an id; six bytes each. */
export const PART_LENGTH = 8
/** Characters of an id. */
export const ID_LENGTH = 19
const BUCKET_AT = 3
const NONCE_AT = BUCKET_AT + PART_LENGTH

/** How the ids of a partition begin, for all partitions that were used. */
const beginnings: string[] = []

export function makeId(partition: number, bucket: string, nonce: string): string {
  beginnings[partition] ??= `${LAYOUT}${DIGITS[partition >> 6]}${DIGITS[partition & 63]}`
  return beginnings[partition] + bucket + nonce
}

/** The ids of a partition are between these two, byte by byte. */
export function idsBetween(partition: number): readonly [after: string, before: string] {
  const beginning = makeId(partition, '', '')
  return [beginning, `${beginning}~`]
}

/** The partition an id routes to, or `undefined` if the text cannot be an id of this library. */
export function partitionOf(id: string): number | undefined {
  if (!shape.test(id)) return undefined
  return DIGITS.indexOf(id[1]!) * 64 + DIGITS.indexOf(id[2]!)
}

/** The partition of an id that is known to be valid. */
export function partitionIn(id: string): number {
  return digitValue[id.charCodeAt(1)]! * 64 + digitValue[id.charCodeAt(2)]!
}

/** Whether two ids are of the same partition and bucket. */
export function isSameBucket(a: string, b: string): boolean {
  return a.slice(0, NONCE_AT) === b.slice(0, NONCE_AT)
}

/** An id of the same partition and bucket with another nonce. */
export function withNonce(id: string, nonce: string): string {
  return id.slice(0, NONCE_AT) + nonce
}

const digitValue = new Uint8Array(128)
for (const [i, digit] of [...DIGITS].entries()) digitValue[digit.charCodeAt(0)] = i

/** Four base64url digits of 24 bits. */
export function digitsOf(bits: number): string {
  return `${DIGITS[(bits >> 18) & 63]}${DIGITS[(bits >> 12) & 63]}${DIGITS[(bits >> 6) & 63]}${DIGITS[bits & 63]}`
}

/** The number that four base64url digits of `text` make: 24 bits. */
export function numberAt(text: string, at: number): number {
  return (
    (digitValue[text.charCodeAt(at)]! << 18) |
    (digitValue[text.charCodeAt(at + 1)]! << 12) |
    (digitValue[text.charCodeAt(at + 2)]! << 6) |
    digitValue[text.charCodeAt(at + 3)]!
  )
}

/** Writes `digits` base64url digits of `text` from `at` as bytes: four digits make three bytes. */
export function writeDigits(
  text: string,
  at: number,
  digits: number,
  target: Uint8Array,
  offset: number,
): void {
  for (let i = at, to = offset; i < at + digits; i += 4, to += 3) {
    const bits = numberAt(text, i)
    target[to] = bits >> 16
    target[to + 1] = bits >> 8
    target[to + 2] = bits
  }
}

/** The offsets of bucket and nonce in an id, for {@link writeDigits}. */
export const ID_OFFSET = { bucket: BUCKET_AT, nonce: NONCE_AT } as const
